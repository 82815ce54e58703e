/** Specifications and commands that look like somebody's, and are not. */
import {
  generateKeyPair,
  sign,
  signJobCommand,
  signSpec,
  type AuthorId,
  type JobAction,
  type JobCommand,
  type JobId,
  type JobSpec,
  type KeyPair,
  type SignedSpec
} from '@peercompute/job-specs'

export interface Forger {
  /** Who forges, with a good key of its own. */
  readonly own: KeyPair
  readonly victim: KeyPair
  /** Of the coordinator, for jobs that it signs for others. */
  readonly custodial: AuthorId
  /** Revoked by the operator. */
  readonly revoked: KeyPair
  /** Another specification each time. */
  readonly spec: () => JobSpec
}

/** Purposes whose signatures an author, a host or a coordinator gives away for other things. */
const OTHER_PURPOSES = ['job-command', 'record', 'report', 'hello', 'lease-job', 'receipt', 'unit-receipt', 'team-membership'] as const

type Forgery = (forger: Forger, index: number) => Promise<SignedSpec>

/** By what is wrong with it. `own`: the author whom the forger may speak for otherwise. */
export const FORGERIES: Readonly<Record<string, Forgery>> = {
  async 'wrong key'({ victim, spec }) {
    const stranger = await generateKeyPair({ extractable: true })
    return signSpec({ publicKey: victim.publicKey, privateKey: stranger.privateKey }, spec())
  },
  async 'wrong key, own name'({ own, spec }) {
    const stranger = await generateKeyPair({ extractable: true })
    return signSpec({ publicKey: own.publicKey, privateKey: stranger.privateKey }, spec())
  },
  async 'changed byte'({ own, spec }, index) {
    const signed = await signSpec(own, spec())
    if (index % 2 === 0) return { ...signed, spec: { ...signed.spec, unitCount: signed.spec.unitCount + 1 } }
    const [first = ''] = signed.sig
    return { ...signed, sig: `${first === 'A' ? 'B' : 'A'}${signed.sig.slice(1)}` }
  },
  async 'replayed under another author'({ own, victim, spec }) {
    return { ...(await signSpec(victim, spec())), author: own.publicKey as AuthorId }
  },
  async 'custodial impostor'({ own, custodial, spec }) {
    return signSpec({ publicKey: custodial, privateKey: own.privateKey }, spec())
  },
  async 'signature of another domain'({ own, spec }, index) {
    const purpose = OTHER_PURPOSES[index % OTHER_PURPOSES.length] ?? 'record'
    const author = own.publicKey as AuthorId
    const unsigned = { author, spec: spec() }
    return { ...unsigned, sig: await sign(own, purpose, unsigned) }
  },
  'revoked key': ({ revoked, spec }) => signSpec(revoked, spec())
}

/** Commands about a job of the victim, whose last command had the time `last`. */
export async function forgedCommand({ own, victim }: Forger, job: JobId, last: number, index: number): Promise<JobCommand> {
  const action: JobAction = 'cancel'
  switch (index % 4) {
    case 0:
      return signJobCommand(victim, job, action, last - index)
    case 1:
      return signJobCommand(own, job, action, last + 1_000 + index)
    case 2:
      return signJobCommand({ publicKey: victim.publicKey, privateKey: own.privateKey }, job, action, last + 1_000 + index)
    default: {
      const body = { author: victim.publicKey as AuthorId, job, action, ts: last + 1_000 + index }
      return { ...body, sig: await sign(victim, 'spec', body) }
    }
  }
}
