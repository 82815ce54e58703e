/** Who is at the other end: version, certificate, and proof that the host holds its key here and now. */
import {
  capabilities as allCapabilities,
  PeerComputeError,
  toBase64Url,
  verifyHostCertificate,
  type CoordinatorCertificate
} from '@peercompute/job-specs'
import { verifyHello, WORK_VERSION_MAX, WORK_VERSION_MIN, type CoordinatorMessage, type HostMessage } from '@peercompute/job-specs/protocol'
import type { Clock } from '@peercompute/p2p/time'
import type { ConnectedHost } from '../core/index.ts'
import type { ProofOfWork } from './proof-of-work.ts'

export type Hello = Extract<HostMessage, { type: 'hello' }>
type Welcome = Extract<CoordinatorMessage, { type: 'welcome' }>
type Challenge = Extract<CoordinatorMessage, { type: 'challenge' }>

const CHALLENGE_BYTES = 16
const CHALLENGE_TTL_MS = 30_000
const CHALLENGES_MAX = 10_000

export interface Introductions {
  /** A fresh challenge for a hello without proof. It can be answered once, within CHALLENGE_TTL_MS, on any connection. */
  challenge(hello: Hello): Challenge
  /** Throws PROTOCOL_UNSUPPORTED, HELLO_INVALID. */
  accept(hello: Hello, proof: NonNullable<Hello['proof']>, subnet: string): Promise<ConnectedHost>
  welcome(hello: Hello, session: string): Welcome
}

/** `keepsCheckpoints`: without it `checkpoint` is not offered. */
export function createIntroductions(
  certificate: CoordinatorCertificate,
  clock: Clock,
  proofOfWork: ProofOfWork,
  keepsCheckpoints: boolean
): Introductions {
  const offered: ReadonlySet<string> = new Set(allCapabilities.filter((name) => name !== 'checkpoint' || keepsCheckpoints))
  const expiries = new Map<string, number>()

  function redeem(challenge: string): boolean {
    const expiry = expiries.get(challenge)
    return expiries.delete(challenge) && expiry !== undefined && expiry > clock.now()
  }

  return {
    challenge({ id }) {
      for (const [known, expiry] of expiries) {
        if (expiry > clock.now() && expiries.size < CHALLENGES_MAX) break
        expiries.delete(known)
      }
      const challenge = toBase64Url(crypto.getRandomValues(new Uint8Array(CHALLENGE_BYTES)))
      expiries.set(challenge, clock.now() + CHALLENGE_TTL_MS)
      return { type: 'challenge', id, challenge, certificate }
    },

    async accept(hello, proof, subnet) {
      versionFor(hello)
      if (!redeem(proof.challenge)) throw new PeerComputeError('HELLO_INVALID', 'the challenge is unknown, used or too old')
      if (!(await verifyHostCertificate(hello.certificate)))
        throw new PeerComputeError('HELLO_INVALID', 'the certificate of the host is not signed by the account that it names')
      const { account, host, label } = hello.certificate
      if (!(await verifyHello(host, certificate.root, proof.challenge, proof.sig)))
        throw new PeerComputeError('HELLO_INVALID', 'the challenge is not signed by the host that the certificate names')
      const resumes = offered.has('checkpoint') && hello.capabilities.includes('checkpoint')
      return { host, account, label, description: hello.host, certificate: hello.certificate, subnet, resumes }
    },

    welcome(hello, session) {
      const task = hello.capabilities.includes('proof-of-work') ? proofOfWork.taskFor(hello.certificate.host) : undefined
      return {
        type: 'welcome',
        id: hello.id,
        version: versionFor(hello),
        capabilities: hello.capabilities.filter((name) => offered.has(name)),
        session,
        ...(task === undefined ? {} : { proofOfWork: task })
      }
    }
  }
}

/** The highest version that both sides speak. Throws PROTOCOL_UNSUPPORTED. */
export function versionFor({ minVersion, maxVersion }: Pick<Hello, 'minVersion' | 'maxVersion'>): number {
  const version = Math.min(maxVersion, WORK_VERSION_MAX)
  if (version >= Math.max(minVersion, WORK_VERSION_MIN)) return version
  throw new PeerComputeError(
    'PROTOCOL_UNSUPPORTED',
    `the host speaks versions ${minVersion} to ${maxVersion}, the coordinator ${WORK_VERSION_MIN} to ${WORK_VERSION_MAX}`
  )
}
