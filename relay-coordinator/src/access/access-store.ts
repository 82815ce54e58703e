/** What the operator has decided about people and programs, and what must not be played again. Each write is durable when it returns. */
import type { AuthorId, JobId, ResearcherView, RevocationView, TokenView } from '@peercompute/job-specs'

export interface StoredToken extends TokenView {
  /** Of the whole token, in hex. */
  readonly sha256: string
}

/** Goes into the audit log in the same transaction. */
export interface AuditNote {
  readonly kind: string
  readonly body: Readonly<Record<string, unknown>>
  readonly at: number
}

/** Writing throws PeerComputeError STORE_FULL when the disk is full; nothing has happened then. */
export interface AccessStore {
  tokens(): readonly StoredToken[]
  addToken(token: StoredToken, note: AuditNote): void
  revokeToken(id: string, at: number, note: AuditNote): void
  tokenUsed(id: string, at: number): void

  researcher(author: AuthorId): ResearcherView | null
  /** The latest that asked first. */
  researchers(): readonly ResearcherView[]
  waitingResearchers(): number
  putResearcher(researcher: ResearcherView, note?: AuditNote): void

  revocations(): readonly RevocationView[]
  /** The first reason stays. */
  addRevocation(revocation: RevocationView, note: AuditNote): void

  /** Id of the token with which the job was published; null when it was another way. */
  tokenOfJob(job: JobId): string | null
  /** The first token stays. */
  setTokenOfJob(job: JobId, token: string): void
  /** Time of the author's last command about the job, −1 before the first. */
  lastCommand(job: JobId): number
  setLastCommand(job: JobId, ts: number): void
}
