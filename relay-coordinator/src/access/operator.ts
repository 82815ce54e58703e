/** What the operator may do beyond the work itself: give out tokens, approve of researchers, revoke, and read the audit log. */
import type { AuditPage, JobId } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import type { AuditPort } from '../core/store.ts'
import type { AdminToken } from '../keys/admin-token.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import type { AccessStore } from './access-store.ts'
import { createResearchers, type NewResearchers, type Researchers } from './researchers.ts'
import { createRevocations, type Announce, type Revocations } from './revocations.ts'
import { createTokens, type Tokens } from './tokens.ts'

export interface Operator {
  readonly tokens: Tokens
  readonly researchers: Researchers
  readonly revocations: Revocations
  /** Entries of the audit log with number ≥ `from`, in order. */
  auditPage(options: { readonly from: number; readonly limit: number }): AuditPage
  /** Id of the token with which the job was published; null when it was another way. */
  tokenOfJob(job: JobId): string | null
  setTokenOfJob(job: JobId, token: string): void
  /** Takes an author's commands about a job in rising order only, also across restarts. False when it, or a later one, was taken before. */
  takeCommand(job: JobId, ts: number): boolean
}

export interface OperatorInit {
  readonly store: AccessStore
  readonly audit: Pick<AuditPort, 'auditEntries'>
  readonly coordinator: Coordinator
  readonly keys: CoordinatorKeys
  readonly adminToken: Pick<AdminToken, 'accepts'>
  readonly newResearchers: NewResearchers
  readonly announce: Announce
  /** Epoch ms. */
  readonly now: () => number
}

export function createOperator(init: OperatorInit): Operator {
  const { store, audit, keys } = init
  const { operational, custodial, peer, certificate } = keys
  return {
    tokens: createTokens(init),
    researchers: createResearchers(init),
    revocations: createRevocations({
      ...init,
      ownKeys: new Set([operational.publicKey, custodial.publicKey, peer.publicKey, certificate.root])
    }),
    auditPage({ from, limit }) {
      const entries = audit.auditEntries(from, limit)
      const last = entries.at(-1)
      return { entries: [...entries], next: entries.length < limit || last === undefined ? null : last.seq + 1 }
    },
    tokenOfJob: (job) => store.tokenOfJob(job),
    setTokenOfJob(job, token) {
      store.setTokenOfJob(job, token)
    },
    takeCommand(job, ts) {
      if (ts <= store.lastCommand(job)) return false
      store.setLastCommand(job, ts)
      return true
    }
  }
}
