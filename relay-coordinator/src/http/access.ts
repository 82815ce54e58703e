/**
 * Who may do what is not signed by an author: the holder of the token, and on the embedded default whoever is on this machine.
 */
import { PeerComputeError } from '@peercompute/job-specs'
import type { FastifyRequest } from 'fastify'
import type { AdminToken } from '../keys/admin-token.ts'

export interface Access {
  /** True when this caller needs no token. */
  isLocal(request: FastifyRequest): boolean
  /** Throws TOKEN_REQUIRED or TOKEN_INVALID. */
  check(request: FastifyRequest): void
}

const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'] as const
const LOOPBACK_HOST = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i

/** `open`: false as soon as the coordinator has a public address, because then a proxy on this machine speaks for anybody. */
export function createAccess(token: Pick<AdminToken, 'accepts'>, open: boolean): Access {
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
    check(request) {
      const { authorization } = request.headers
      if (authorization !== undefined) {
        const given = /^Bearer ([\x21-\x7e]{1,200})$/.exec(authorization)?.[1]
        if (given !== undefined && token.accepts(given)) return
        throw new PeerComputeError('TOKEN_INVALID', 'the Authorization header holds no accepted token')
      }
      if (!isLocal(request))
        throw new PeerComputeError('TOKEN_REQUIRED', 'this request is neither signed by the author nor from this machine')
    }
  }
}

export function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(::ffff:)?127\./.test(ip)
}
