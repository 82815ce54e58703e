/**
 * The coordinator's replica of the ledger and what stands between it and the store: jobs come in, settlements go out, and a store
 * that was lost is rebuilt before anything else.
 *
 *   known        the store has its jobs, or there never were any
 *   rebuilt      it was empty, and the ledger on this disk or in a file was not
 *   recovering   both are lost: closed for work until peers have brought the ledger
 */
import { open as openFile } from 'node:fs/promises'
import { PeerComputeError, type AuthorId } from '@peercompute/job-specs'
import { LEDGER_FILE_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { createFold, createLedger, followLedger, importLedger, type Ledger, type LedgerStore } from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import type { Operator } from '../access/operator.ts'
import type { AwaitedBlobs } from '../blobs/awaited-blobs.ts'
import { errorMessage } from '../config/error-code.ts'
import type { Coordinator } from '../coordinator.ts'
import type { Logger } from '../http/components.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Totals } from '../metrics/totals.ts'
import { jobsNewestFirst } from './all-jobs.ts'
import { createLedgerIntake } from './ledger-intake.ts'
import { createLedgerProjection, type LedgerProjection } from './ledger-projection.ts'
import { ledgerComes } from './recovery.ts'
import type { ReceiptSource } from './tell-receipts.ts'
import { remembersWork, restoreJobs, type Restored } from './restore-jobs.ts'

export interface LedgerPartInit {
  readonly coordinator: Coordinator
  readonly keys: CoordinatorKeys
  readonly operator: Pick<Operator, 'researchers' | 'revocations'>
  readonly store: LedgerStore
  readonly awaited: AwaitedBlobs
  readonly metrics: Metrics
  readonly totals: Totals
  readonly clock: Clock
  readonly logger: Logger | undefined
  readonly onFault: (error: unknown) => void
  readonly receipts?: ReceiptSource
  readonly recover: boolean
  readonly recoverFrom?: string | undefined
}

export interface LedgerPart {
  readonly ledger: Ledger
  /** False while it waits for peers: no work may be taken. */
  isOpen(): boolean
  /** Null unless it waits for peers. Resolves when work is taken again; rejects when it is closed before. */
  readonly recovered: Promise<Restored> | null
  readonly announce: LedgerProjection['announce']
  /** What the operator should know, in sentences. */
  readonly warnings: readonly string[]
  /** Idempotent. */
  close(): Promise<void>
}

/** Resolves when the ledger says what the store says, or when it begins to wait for peers. Throws CONFIG_INVALID for an unusable file. */
export async function openLedgerPart(init: LedgerPartInit): Promise<LedgerPart> {
  const { coordinator, keys, operator, store, awaited, metrics, totals, clock, logger, onFault } = init
  const { root } = keys.certificate
  let revoked: ReadonlySet<AuthorId> = new Set()
  const ledger = createLedger({ now: () => clock.now(), store, banned: (author) => revoked.has(author) })
  ledger.follow(root)
  const fold = createFold(root)
  const stopFolding = followLedger(ledger, fold)
  const learnRevoked = (): void => {
    revoked = fold.state().revoked
  }
  ledger.onCheckpoint(learnRevoked)
  ledger.onEntry(({ known }) => {
    if (known !== null && known !== 'unknown' && known.type === 'key.revoke') learnRevoked()
  })
  const stop = new AbortController()
  const taking = Promise.withResolvers<undefined>()
  const intake = createLedgerIntake({
    coordinator,
    ledger,
    awaited,
    own: new Set([keys.operational, keys.custodial].map(({ publicKey }) => publicKey as AuthorId)),
    admission: (signed, job) => {
      operator.revocations.check(signed.author, job)
      return operator.researchers.meet(signed.author, signed.spec.researcher)
    },
    after: taking.promise,
    onRefused: (error, { feed }) => {
      logger?.warn({ err: error, author: feed.author }, 'a ledger record was refused')
    }
  })
  const projection = createLedgerProjection({
    coordinator,
    ledger,
    keys,
    clock,
    metrics,
    onFault,
    ...(init.receipts === undefined ? {} : { receipts: init.receipts }),
    revocations: () => operator.revocations.list(),
    intakeSettled: () => intake.settled()
  })
  const warnings: string[] = []
  let open = false
  let recovered: Promise<Restored> | null = null

  const rebuild = async (): Promise<Restored> => {
    const restored = await restoreJobs(fold.state(), { coordinator, awaited })
    totals.recount()
    await begin(true)
    return restored
  }
  const begin = async (checkpoint: boolean): Promise<void> => {
    await operator.revocations.enforce(fold.state())
    // Who had jobs here need not ask, whatever the database has forgotten of it.
    const authors = [...jobsNewestFirst(coordinator)].filter(({ custodial, held }) => !custodial && held === undefined)
    operator.researchers.remember(authors.map(({ author }) => author))
    await projection.start({ checkpoint })
    open = true
    taking.resolve(undefined)
    await intake.settled()
  }
  const close = async (): Promise<void> => {
    stop.abort()
    await recovered?.catch(() => undefined)
    await projection.close()
    intake.close()
    stopFolding()
    await ledger.saved()
    ledger.close()
  }

  try {
    await ledger.ready
    const empty = coordinator.jobs({ limit: 1 }).items.length === 0
    if (empty && init.recoverFrom !== undefined) await readLedgerFile(ledger, init.recoverFrom)
    const remembered = remembersWork(fold.state())
    if (init.recoverFrom !== undefined && empty && !remembered)
      throw new PeerComputeError('CONFIG_INVALID', `${init.recoverFrom} says nothing of the coordinator with the root ${root}`, {
        place: { path: 'recoverFrom' }
      })
    if (empty && init.recover && !(remembered && init.recoverFrom === undefined)) {
      recovered = ledgerComes({ ledger, fold, clock, signal: stop.signal }).then(rebuild)
      recovered.catch(() => undefined) // Whoever waits for it meets the error; nobody has to.
    } else if (empty && remembered) {
      warnings.push(sentence(await rebuild()))
    } else {
      if (!empty && (init.recover || init.recoverFrom !== undefined)) warnings.push('The database has its jobs: nothing was recovered.')
      if (empty && !keys.fresh && !hasOwnFeed(ledger, keys))
        warnings.push(
          'The keys are known but the data is empty. Peers may remember jobs, settlements and credit of this coordinator: to bring them back, stop it and start it with --recover, before it takes new work.'
        )
      await begin(false)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { ledger, isOpen: () => open, recovered, announce: (revocation) => projection.announce(revocation), warnings, close }
}

/** What became of a lost database, for people. */
export function sentence({ jobs, units, accounts }: Restored): string {
  return `The database was empty: ${jobs} jobs, ${units} settled units and the credit of ${accounts} accounts were rebuilt from the ledger. The values of those units are not held here.`
}

function hasOwnFeed(ledger: Ledger, { operational }: CoordinatorKeys): boolean {
  return ledger.heads().some(({ author }) => author.toString() === operational.publicKey)
}

/** Throws CONFIG_INVALID. */
async function readLedgerFile(ledger: Ledger, path: string): Promise<void> {
  try {
    await using file = await openFile(path)
    const { size } = await file.stat()
    if (size > LEDGER_FILE_MAX_BYTES) throw new RangeError(`${size} bytes, allowed are ${LEDGER_FILE_MAX_BYTES}`)
    await importLedger(ledger, await file.readFile())
  } catch (cause) {
    throw new PeerComputeError('CONFIG_INVALID', `${path}: ${errorMessage(cause)}`, { cause, place: { path: 'recoverFrom' } })
  }
}
