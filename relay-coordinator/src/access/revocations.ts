/** The kill switch: jobs and keys that the operator has revoked, here and, as signed records of the ledger, at every volunteer. */
import {
  PeerComputeError,
  type AuthorId,
  type JobId,
  type RevocationAnswer,
  type RevocationBody,
  type RevocationView
} from '@peercompute/job-specs'
import type { LedgerState } from '@peercompute/ledger'
import type { Coordinator } from '../coordinator.ts'
import type { AccessStore } from './access-store.ts'
import { cancelOpenJobs } from './open-jobs.ts'

/** Appends the signed record to the coordinator's feed and tells it to peers. Rejects when it could not be appended. */
export type Announce = (revocation: RevocationView) => Promise<void>

export interface Revocations {
  /** Newest first. */
  list(): readonly RevocationView[]
  /** Throws REVOKED for a job that may not run, or of an author whose key is revoked. */
  check(author: AuthorId, job: JobId): void
  /**
   * Stops it everywhere, for good. Resolves when it is on disk, the hosts were told and the ledger has it (`announced`).
   * Throws REQUEST_INVALID for a key of the coordinator itself.
   */
  revoke(body: RevocationBody, by: string): Promise<RevocationAnswer>
  /** Takes over what the ledger says, for a database that was lost, and ends what a crash has left open. */
  enforce(state: Pick<LedgerState, 'revoked' | 'revokedJobs' | 'coordinators'>): Promise<void>
}

export interface RevocationsInit {
  readonly store: AccessStore
  readonly coordinator: Pick<Coordinator, 'jobs' | 'cancel' | 'signedSpec'>
  /** Keys that are replaced (`peercompute keys rotate`), not revoked. */
  readonly ownKeys: ReadonlySet<string>
  readonly announce: Announce
  /** Epoch ms. */
  readonly now: () => number
}

export function createRevocations({ store, coordinator, ownKeys, announce, now }: RevocationsInit): Revocations {
  const revoked = new Map(store.revocations().map((revocation) => [keyOf(revocation), revocation]))

  function note(revocation: RevocationView, by: string): RevocationView {
    const known = revoked.get(keyOf(revocation))
    if (known !== undefined) return known
    const { at, ...what } = revocation
    store.addRevocation(revocation, { kind: 'revoked', body: { ...what, by }, at })
    revoked.set(keyOf(revocation), revocation)
    return revocation
  }

  async function stop({ kind, subject }: RevocationView): Promise<readonly JobId[]> {
    if (kind === 'key') return cancelOpenJobs(coordinator, subject as AuthorId, 'revoked')
    const job = subject as JobId
    if (coordinator.signedSpec(job) === undefined) return []
    try {
      await coordinator.cancel(job, 'revoked')
      return [job]
    } catch (error) {
      if (error instanceof PeerComputeError && error.code === 'JOB_CLOSED') return []
      throw error
    }
  }

  return {
    list: () => [...revoked.values()].sort((a, b) => b.at - a.at),

    check(author, job) {
      const found = revoked.get(`job ${job}`) ?? revoked.get(`key ${author}`)
      if (found !== undefined) throw new PeerComputeError('REVOKED', `the ${found.kind} ${found.subject} was revoked: ${found.reason}`)
    },

    async revoke(body, by) {
      const at = now()
      const subject = 'job' in body ? body.job : body.key
      if (ownKeys.has(subject))
        throw new PeerComputeError('REQUEST_INVALID', `${subject} is a key of this coordinator; replace it with: peercompute keys rotate`)
      const revocation = note({ kind: 'job' in body ? 'job' : 'key', subject, reason: body.reason, at }, by)
      // The record to the ledger and the word to the hosts go side by side: each reaches volunteers whom the other does not.
      const [announced, stopped] = await Promise.allSettled([announce(revocation), stop(revocation)])
      if (stopped.status === 'rejected') throw stopped.reason
      return { revocation, jobs: [...stopped.value], announced: announced.status === 'fulfilled' }
    },

    async enforce(state) {
      const at = now()
      for (const [job, reason] of state.revokedJobs) note({ kind: 'job', subject: job, reason, at }, 'the ledger')
      for (const key of state.revoked)
        if (!ownKeys.has(key)) note({ kind: 'key', subject: key, reason: 'as the ledger says', at }, 'the ledger')
      for (const revocation of revoked.values()) await stop(revocation)
    }
  }
}

function keyOf({ kind, subject }: Pick<RevocationView, 'kind' | 'subject'>): string {
  return `${kind} ${subject}`
}
