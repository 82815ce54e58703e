/**
 * This installation's replica of the ledger: kept across restarts, exchanged with peers, folded into what it says.
 * The own feed is written by the host key, so only one tab of a browser profile may write it.
 */
import { jobIdOf, signSpec, PeerComputeError, type AuthorId, type JobId, type JobSpec, type RootId } from '@peercompute/job-specs'
import {
  createFold,
  createLedger,
  followLedger,
  type Ledger,
  type LedgerFold,
  type LedgerState,
  type LedgerStore,
  type RecordVerifier
} from '@peercompute/ledger'
import type { Clock } from '@peercompute/p2p/time'
import type { Identity } from '../identity/identity.ts'
import { createListeners } from '../listeners.ts'
import type { PeerNetwork } from '../network/peer-network.ts'
import type { DownloadLedger } from './download-ledger.ts'
import { takeHeadStart } from './head-start.ts'

export interface StateManagerInit {
  readonly identity: Identity
  readonly store: LedgerStore
  readonly clock: Clock
  /** Where long catch-ups are verified. By default in this thread. */
  readonly verifier?: RecordVerifier
  /** How the coordinator's copy of the ledger is fetched. Without it everything comes from peers. */
  readonly download?: DownloadLedger
}

export interface StateManager {
  readonly ledger: Ledger
  /** What the ledger says under the pinned root; null until a root is known. */
  state(): LedgerState | null
  /** From now on the words of this coordinator count: what it admits, and the checkpoints from which the state starts. */
  follow(root: RootId): void
  /** Takes nothing more of this author until the next start. Keys that the followed coordinator has revoked are shut out by themselves. */
  ban(author: AuthorId): void
  /** Whether the followed coordinator has revoked this job, or the key of its author. What was revoked once stays so until this program ends. */
  isRevoked(job: JobId, author: AuthorId): boolean
  /** Told when more may be revoked than before. */
  onRevoked(listener: () => void): () => void
  /** Takes the coordinator's copy of the ledger, where little or nothing of it is held. Resolves when it is in, or will not come. */
  fetchLedger(): Promise<void>
  /** Exchanges the ledger over this network until the network stops; after `fetchLedger`, where that is under way. */
  share(network: Pick<PeerNetwork, 'share'>): Promise<void>
  /** Publishes a job by appending it, signed by this installation, to the own feed. Rejects with JOB_TOO_LARGE or REQUEST_INVALID. */
  publish(spec: JobSpec): Promise<JobId>
  cancel(job: JobId): Promise<void>
  onChange(listener: () => void): () => void
  stop(): void
}

const SAYS_WHAT_IS_REVOKED: ReadonlySet<string> = new Set(['job.revoke', 'key.revoke', 'coordinator.open'])

export function createStateManager({ identity, store, clock, verifier, download }: StateManagerInit): StateManager {
  const banned = new Set<AuthorId>()
  /** What the followed coordinator has ever revoked here, whatever becomes of the record: also when its key is revoked later. */
  const revokedJobs = new Set<JobId>()
  const revokedAuthors = new Set<AuthorId>()
  /** Keys whose records no longer count. Null when the ledger has to be asked again: it is asked at every admission, and the answer changes rarely. */
  let revoked: ReadonlySet<AuthorId> | null = null
  const revocations = createListeners<undefined>()
  const revokedKeys = (): ReadonlySet<AuthorId> => {
    if (revoked !== null) return revoked
    const state = followed?.fold.state()
    for (const job of state?.revokedJobs.keys() ?? []) revokedJobs.add(job)
    for (const author of state?.revoked ?? []) revokedAuthors.add(author)
    revoked = state?.revoked ?? new Set()
    return revoked
  }
  const mayBeRevoked = () => {
    revoked = null
    // The fold hears of the record after this does.
    queueMicrotask(() => {
      if (stopped.signal.aborted) return
      revoked = null
      revocations.emit(undefined)
    })
  }
  const ledger = createLedger({
    now: () => clock.now(),
    store,
    banned: (author) => banned.has(author) || revokedKeys().has(author),
    ...(verifier === undefined ? {} : { verifier })
  })
  const writer = ledger.writer(identity.host)
  const changes = createListeners<undefined>()
  const subscriptions = [
    ledger.onEntry(({ record }) => {
      if (SAYS_WHAT_IS_REVOKED.has(record.type)) mayBeRevoked()
      changes.emit(undefined)
    }),
    ledger.onCheckpoint(() => {
      mayBeRevoked()
      changes.emit(undefined)
    })
  ]
  let followed: { readonly root: RootId; readonly fold: LedgerFold; readonly end: () => void } | null = null
  let opened: Promise<void> | null = null
  const stopped = new AbortController()
  const rooted: PromiseWithResolvers<RootId> = Promise.withResolvers()
  let fetching: Promise<void> = Promise.resolve()

  /** The first record says who writes the feed. */
  const open = (): Promise<void> => {
    opened ??= (async () => {
      await ledger.ready
      const { author } = writer.feed
      if (!ledger.heads().some((head) => head.author === author)) await writer.append('feed.open', { certificate: identity.certificate })
    })()
    opened.catch(() => {
      opened = null
    })
    return opened
  }

  return {
    ledger,
    state: () => followed?.fold.state() ?? null,
    follow(root) {
      if (followed?.root === root) return
      followed?.end()
      const fold = createFold(root)
      followed = { root, fold, end: followLedger(ledger, fold) }
      revokedJobs.clear()
      revokedAuthors.clear()
      mayBeRevoked()
      ledger.follow(root)
      rooted.resolve(root)
      changes.emit(undefined)
    },
    ban(author) {
      banned.add(author)
    },
    isRevoked(job, author) {
      revokedKeys()
      return revokedJobs.has(job) || revokedAuthors.has(author)
    },
    onRevoked: revocations.on,
    fetchLedger() {
      if (download !== undefined)
        fetching = takeHeadStart({
          ledger,
          own: writer.feed.author,
          followed: rooted.promise,
          download,
          prepare: () => verifier?.prepare?.(),
          clock,
          signal: stopped.signal
        })
      return fetching
    },
    async share(network) {
      await fetching
      if (!stopped.signal.aborted) await network.share(ledger)
    },
    async publish(spec) {
      const signed = await signSpec(identity.account, spec)
      await open()
      await writer.append('job.publish', { signed })
      return jobIdOf(signed.author, signed.spec)
    },
    async cancel(job) {
      if (followed?.fold.state().jobs.get(job) === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `The ledger holds no job ${job}`)
      await open()
      await writer.append('job.cancel', { job })
    },
    onChange: changes.on,
    stop() {
      stopped.abort()
      for (const unsubscribe of subscriptions) unsubscribe()
      followed?.end()
      ledger.close()
    }
  }
}
