/** A volunteer that keeps what it must not lose in a folder, and says how far it is. Its death is as sudden as that of any program. */
import { join } from 'node:path'
import { startVolunteer } from '@peercompute/tests'
import { answerCommands } from '@peercompute/tests/child'
import {
  createFolderCheckpointDisk,
  createFolderIdentityStore,
  createFolderOutboxStore,
  createFolderPinStore,
  loadOrCreateIdentity,
  type ComputeWorker
} from '@peercompute/worker-client/node'

/** What the executor has told last, by `Date.now()`. */
export interface Told {
  /** Of the unit that is done. */
  readonly fraction: number
  readonly at: number
  /** When each state was handed over. */
  readonly saved: readonly number[]
  /** Of the first word about each unit. */
  readonly first: { readonly fraction: number; readonly at: number } | null
}

let told: Told = { fraction: 0, at: 0, saved: [], first: null }

function telling(worker: ComputeWorker): ComputeWorker {
  return {
    executor: worker.executor,
    get unavailable() {
      return worker.unavailable
    },
    lend(lending) {
      worker.lend(lending)
    },
    stop: () => worker.stop(),
    run: (range, events, signal) =>
      worker.run(
        range,
        {
          ...events,
          progress(unit, fraction) {
            const now = { fraction, at: Date.now() }
            told = { ...told, ...now, first: told.first ?? now }
            events.progress?.(unit, fraction)
          },
          saved(unit, state) {
            told = { ...told, saved: [...told.saved, Date.now()] }
            events.saved?.(unit, state)
          }
        },
        signal
      )
  }
}

const commands = {
  async start({ url, folder }: { readonly url: string; readonly folder: string }) {
    const identities = createFolderIdentityStore(folder)
    await startVolunteer(url, {
      name: 'bench',
      peers: false,
      foreign: true,
      change: telling,
      parts: {
        identity: await loadOrCreateIdentity(identities, { label: 'bench', now: Date.now(), extractableHost: true }),
        outboxStore: createFolderOutboxStore(join(folder, 'outbox')),
        checkpointDisk: createFolderCheckpointDisk(join(folder, 'checkpoints')),
        pins: createFolderPinStore(folder)
      }
    })
  },
  told: () => told
}
export type CheckpointVolunteerCommands = typeof commands

answerCommands(commands)
