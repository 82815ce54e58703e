/** Tokens of researchers and programs: 32 random bytes, shown once, kept as their SHA-256. The operator's own token lies in a file beside. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { PeerComputeError, tokenScopes, type CreatedToken, type TokenScope, type TokenView } from '@peercompute/job-specs'
import type { AdminToken } from '../keys/admin-token.ts'
import type { AccessStore, StoredToken } from './access-store.ts'

const PREFIX = 'pc_'
const TOKEN_BYTES = 32
const ID_LENGTH = 12
/** Each is held in memory. */
const TOKENS_MAX = 10_000
/** Its last use is written down at most this often: a write costs a transaction. */
const USE_NOTED_MS = 60_000

export interface TokenHolder {
  /** Null for the operator's own token. */
  readonly id: string | null
  readonly scopes: ReadonlySet<TokenScope>
}

export interface Tokens {
  /** `expiresIn` in seconds; undefined for never. Throws REQUEST_INVALID when there are too many. */
  create(wanted: { label: string; scopes: readonly TokenScope[]; expiresIn?: number | undefined }, by: string): CreatedToken
  list(): readonly TokenView[]
  /** Twice is once. Throws NOT_FOUND. */
  revoke(id: string, by: string): TokenView
  /** Whose token it is. Throws TOKEN_INVALID with a sentence that tells unknown, expired and revoked apart. */
  holder(token: string): TokenHolder
}

export interface TokensInit {
  readonly store: AccessStore
  readonly adminToken: Pick<AdminToken, 'accepts'>
  /** Epoch ms. */
  readonly now: () => number
}

export function createTokens({ store, adminToken, now }: TokensInit): Tokens {
  const tokens = new Map(store.tokens().map((token) => [token.id, token]))

  function known(id: string): StoredToken {
    const token = tokens.get(id)
    if (token === undefined) throw new PeerComputeError('NOT_FOUND', `no token has the id ${id}`)
    return token
  }

  function used(token: StoredToken): void {
    const at = now()
    if (token.lastUsedAt !== null && at - token.lastUsedAt < USE_NOTED_MS) return
    tokens.set(token.id, { ...token, lastUsedAt: at })
    try {
      store.tokenUsed(token.id, at)
    } catch (error) {
      // A full disk must not shut out whoever frees it.
      if (!(error instanceof PeerComputeError) || error.code !== 'STORE_FULL') throw error
    }
  }

  return {
    create({ label, scopes, expiresIn }, by) {
      if (tokens.size >= TOKENS_MAX) throw new PeerComputeError('REQUEST_INVALID', `there are ${TOKENS_MAX} tokens already`)
      const token = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')
      const sha256 = hash(token).toString('hex')
      const at = now()
      const stored: StoredToken = {
        id: sha256.slice(0, ID_LENGTH),
        sha256,
        label,
        scopes: tokenScopes.filter((scope) => scopes.includes(scope)),
        createdAt: at,
        expiresAt: expiresIn === undefined ? null : at + expiresIn * 1_000,
        revokedAt: null,
        lastUsedAt: null
      }
      const body = { token: stored.id, label, scopes: stored.scopes, expiresAt: stored.expiresAt, by }
      store.addToken(stored, { kind: 'token-created', body, at })
      tokens.set(stored.id, stored)
      return { ...view(stored), token }
    },

    list: () => [...tokens.values()].map(view),

    revoke(id, by) {
      const token = known(id)
      if (token.revokedAt !== null) return view(token)
      const at = now()
      store.revokeToken(id, at, { kind: 'token-revoked', body: { token: id, by }, at })
      const revoked = { ...token, revokedAt: at }
      tokens.set(id, revoked)
      return view(revoked)
    },

    holder(given) {
      if (adminToken.accepts(given)) return { id: null, scopes: new Set(tokenScopes) }
      const digest = hash(given)
      // The id, which is no secret, finds the row; the rest is compared in constant time.
      const token = tokens.get(digest.toString('hex').slice(0, ID_LENGTH))
      if (token === undefined || !timingSafeEqual(digest, Buffer.from(token.sha256, 'hex')))
        throw new PeerComputeError('TOKEN_INVALID', 'the Authorization header holds no token that this coordinator has given out')
      if (token.revokedAt !== null)
        throw new PeerComputeError('TOKEN_INVALID', `token ${token.id} was revoked at ${new Date(token.revokedAt).toISOString()}`)
      if (token.expiresAt !== null && token.expiresAt <= now())
        throw new PeerComputeError('TOKEN_INVALID', `token ${token.id} expired at ${new Date(token.expiresAt).toISOString()}`)
      used(token)
      const scopes = token.scopes.includes('admin') ? tokenScopes : token.scopes
      return { id: token.id, scopes: new Set(scopes) }
    }
  }
}

function view({ sha256: _sha256, ...rest }: StoredToken): TokenView {
  return { ...rest, scopes: [...rest.scopes] }
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
