import type { JobEntry } from './job.ts'

/** A lease that is not renewed ends after this. Hosts renew at a third of it. */
export const LEASE_MS = 60_000
const LEASE_MS_MAX = 86_400_000

/** Never shorter than two units may take, so that a slow host can renew between them. */
export function leaseMs(job: JobEntry): number {
  return Math.min(LEASE_MS_MAX, Math.max(LEASE_MS, Math.ceil(job.signed.spec.limits.unitSeconds * 2_000)))
}
