/** The coordinator's word that a job was admitted, as hosts get it with the lease. Signed once a job. */
import type { AuthorId, JobId, KeyPair, SignedSpec } from '@peercompute/job-specs'
import { signAdmission, type LeasedJob } from '@peercompute/job-specs/protocol'

const CACHED_MAX = 4_096

export type Admit = (job: JobId, signed: SignedSpec) => Promise<LeasedJob>

export function createAdmissions(operational: KeyPair): Admit {
  const signatures = new Map<JobId, Promise<string>>()

  function signatureOf(job: JobId): Promise<string> {
    const known = signatures.get(job)
    if (known !== undefined) return known
    if (signatures.size >= CACHED_MAX) signatures.clear()
    const signature = signAdmission(operational, job)
    signatures.set(job, signature)
    return signature
  }

  return async (job, signed) => ({ job, signed, admittedBy: operational.publicKey as AuthorId, admission: await signatureOf(job) })
}
