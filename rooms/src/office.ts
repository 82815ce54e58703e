/**
 * What a leader runs for the others: the pure core of a coordinator, with its memory for a store, certified by the room's root for
 * one term. Whatever must outlive it goes into the room's ledger, and the values to every member.
 */
import { certifyCoordinator, generateKeyPair, jobBlobs, type AuthorId, type BlobRef, type JobId } from '@peercompute/job-specs'
import type { Ledger, LedgerState } from '@peercompute/ledger'
import type { FrameChannel } from '@peercompute/p2p'
import type { Clock } from '@peercompute/p2p/time'
import {
  createAwaitedBlobs,
  createCoordinator,
  createLedgerIntake,
  createLedgerProjection,
  createWorkServer,
  type Coordinator,
  type Settlement
} from '@peercompute/relay-coordinator/room'
import type { RoomBlobs } from './room-blobs.ts'
import type { RoomKeys } from './room-keys.ts'
import type { RoomValueStore } from './room-values.ts'
import { openJobs, storeFromLedger } from './store-from-ledger.ts'

/** How often members are asked again for programs and inputs that nobody had. */
const BLOB_RETRY_MS = 3_000

export interface OfficeInit {
  readonly term: number
  readonly keys: RoomKeys
  readonly ledger: Ledger
  readonly state: () => LedgerState
  readonly values: RoomValueStore
  readonly blobs: RoomBlobs
  readonly clock: Clock
  readonly random: () => number
  readonly onFault: (error: unknown) => void
}

export interface Office {
  readonly term: number
  readonly coordinator: Coordinator
  /** Serves a volunteer until the channel ends. */
  work(channel: FrameChannel, subnet: string): Promise<void>
  /** Writes down what is under way. Idempotent. */
  close(): Promise<void>
}

export async function openOffice(init: OfficeInit): Promise<Office> {
  const { term, keys, ledger, values, blobs, clock, random, onFault } = init
  const operational = await generateKeyPair({ extractable: false })
  const certificate = await certifyCoordinator(keys.root, operational.publicKey, term, clock.now())
  const hasBlob = (sha256: BlobRef['sha256']): boolean => blobs.has(sha256)
  const coordinator = createCoordinator({
    store: storeFromLedger({ state: init.state(), values, hasBlob, term, now: clock.now() }),
    now: () => clock.now(),
    random,
    hasBlob: (sha256) => Promise.resolve(hasBlob(sha256))
  })
  const closing = new AbortController()
  const wanted = new Map<BlobRef['sha256'], BlobRef>()
  let cancelRetry: () => void = () => undefined

  /** Programs and inputs are brought here, so that the job goes on when its author leaves. */
  async function bringBlobs(): Promise<void> {
    cancelRetry()
    await Promise.all([...wanted.values()].map(bring))
    if (wanted.size > 0 && !closing.signal.aborted) cancelRetry = clock.schedule(BLOB_RETRY_MS, () => void bringBlobs())
  }

  async function bring(ref: BlobRef): Promise<void> {
    try {
      await blobs.fetch(ref)
      await coordinator.blobArrived(ref.sha256)
      wanted.delete(ref.sha256)
    } catch {
      // nobody has it now
    }
  }

  function want(job: JobId): void {
    const signed = coordinator.signedSpec(job)
    for (const ref of signed === undefined ? [] : jobBlobs(signed.spec)) if (!hasBlob(ref.sha256)) wanted.set(ref.sha256, ref)
    if (wanted.size > 0) void bringBlobs()
  }

  const unsubscribe = coordinator.onSettlement((settlement) => {
    if (settlement.kind === 'admitted') want(settlement.job)
    if (settlement.kind === 'settled') void keep(settlement)
  })

  /** The leader keeps results like any member; from there they go to the others. */
  async function keep({ job, start, digests }: Extract<Settlement, { kind: 'settled' }>): Promise<void> {
    for (const { unit, value } of await coordinator.values(job, { start, count: digests.length })) values.put(job, unit, value)
  }

  const intake = createLedgerIntake({
    coordinator,
    ledger,
    awaited: createAwaitedBlobs(),
    own: new Set([operational.publicKey as AuthorId]),
    onRefused: onFault
  })
  const projection = createLedgerProjection({
    coordinator,
    intakeSettled: () => intake.settled(),
    ledger,
    // nobody publishes through the leader: a key of which nothing will be heard
    keys: { certificate, operational, custodial: await generateKeyPair({ extractable: false }) },
    clock,
    metrics: { ledgerFlushed: () => undefined },
    onFault
  })
  const workServer = createWorkServer({
    coordinator,
    keys: { certificate, operational },
    clock,
    metrics: { message: () => undefined, refused: () => undefined, reported: () => undefined },
    onFault
  })
  await projection.start()
  for (const job of openJobs(init.state())) want(job.id)

  return {
    term,
    coordinator,
    work: (channel, subnet) => workServer.serve(channel, subnet),
    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      cancelRetry()
      unsubscribe()
      intake.close()
      await workServer.close()
      await projection.close()
      await coordinator.close()
    }
  }
}
