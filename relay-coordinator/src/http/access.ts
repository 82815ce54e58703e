/**
 * Who may do what is not signed by an author: the holder of a token with the right scope, and on the embedded default whoever is on
 * this machine.
 */
import { PeerComputeError, type TokenScope } from '@peercompute/job-specs'
import type { FastifyRequest } from 'fastify'
import type { Tokens } from '../access/tokens.ts'
import type { KeyedLimit } from './keyed-limit.ts'

/** On whose behalf something is done. */
export interface Caller {
  /** Id of the token; null for the operator's own token and for this machine. */
  readonly token: string | null
  readonly admin: boolean
  /** For the audit log. */
  readonly name: string
}

export interface Access {
  /** True when this caller needs no token. */
  isLocal(request: FastifyRequest): boolean
  /** Throws TOKEN_REQUIRED, TOKEN_INVALID, TOKEN_SCOPE or RATE_LIMITED. */
  allow(request: FastifyRequest, scope: TokenScope): Caller
}

const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'] as const
const LOOPBACK_HOST = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i

export interface AccessInit {
  readonly tokens: Pick<Tokens, 'holder'>
  /** False as soon as the coordinator has a public address, because then a proxy on this machine speaks for anybody. */
  readonly open: boolean
  readonly limit: KeyedLimit
  /** Requests of one token in a minute. */
  readonly perMinute: number
}

export function createAccess({ tokens, open, limit, perMinute }: AccessInit): Access {
  /**
   * A page of another site that is open in a browser here must not count as local: it would send its own `Origin`, and with a
   * host name that it has pointed to 127.0.0.1 another `Host`.
   */
  function isLocal({ ip, headers }: FastifyRequest): boolean {
    if (!open || !isLoopback(ip) || FORWARDED.some((name) => headers[name] !== undefined)) return false
    const { host, origin } = headers
    if (host === undefined || !LOOPBACK_HOST.test(host)) return false
    return origin === undefined || origin === `http://${host}`
  }

  return {
    isLocal,
    allow(request, scope) {
      const { authorization } = request.headers
      if (authorization === undefined) {
        if (isLocal(request)) return { token: null, admin: true, name: 'this machine' }
        throw new PeerComputeError('TOKEN_REQUIRED', 'this request is neither signed by the author nor from this machine')
      }
      const given = /^Bearer ([\x21-\x7e]{1,200})$/.exec(authorization)?.[1]
      if (given === undefined) throw new PeerComputeError('TOKEN_INVALID', 'the Authorization header does not have the form "Bearer TOKEN"')
      const { id, scopes } = tokens.holder(given)
      if (id !== null) limit.take(`token ${id}`, perMinute)
      if (!scopes.has(scope))
        throw new PeerComputeError('TOKEN_SCOPE', `this needs the scope "${scope}", the token has "${[...scopes].join('", "')}"`)
      return { token: id, admin: scopes.has('admin'), name: id === null ? 'the admin token' : `token ${id}` }
    }
  }
}

export function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(::ffff:)?127\./.test(ip)
}
