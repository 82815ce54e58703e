/** The operator's part of the HTTP API. Every path is written here and nowhere else. */
import {
  auditPageSchema,
  createdTokenSchema,
  researcherDecisionSchema,
  researcherListSchema,
  revocationAnswerSchema,
  tokenListSchema,
  tokenViewSchema,
  type AuditPage,
  type CreatedToken,
  type ResearcherDecision,
  type ResearcherView,
  type RevocationAnswer,
  type RevocationBody,
  type TokenScope,
  type TokenView
} from '@peercompute/job-specs'
import { ask, type HttpInit } from './http.ts'

export interface OperatorClient {
  tokens(): Promise<readonly TokenView[]>
  /** `expiresIn` in seconds; never when left out. */
  createToken(wanted: { label: string; scopes: readonly TokenScope[]; expiresIn?: number }): Promise<CreatedToken>
  revokeToken(id: string): Promise<TokenView>
  researchers(): Promise<readonly ResearcherView[]>
  decide(action: 'approve' | 'refuse', author: string): Promise<ResearcherDecision>
  revoke(body: RevocationBody): Promise<RevocationAnswer>
  audit(options: { readonly from: number; readonly limit: number }): Promise<AuditPage>
}

export function createOperatorClient(init: HttpInit): OperatorClient {
  return {
    tokens: async () => (await ask(init, '/tokens', tokenListSchema)).tokens,
    createToken: (json) => ask(init, '/tokens', createdTokenSchema, { method: 'POST', json }),
    revokeToken: (id) => ask(init, `/tokens/${encodeURIComponent(id)}`, tokenViewSchema, { method: 'DELETE' }),
    researchers: async () => (await ask(init, '/researchers', researcherListSchema)).researchers,
    decide: (action, author) =>
      ask(init, `/researchers/${encodeURIComponent(author)}/${action}`, researcherDecisionSchema, { method: 'POST' }),
    revoke: (json) => ask(init, '/revocations', revocationAnswerSchema, { method: 'POST', json }),
    audit: ({ from, limit }) => ask(init, `/audit?from=${from}&limit=${limit}`, auditPageSchema)
  }
}
