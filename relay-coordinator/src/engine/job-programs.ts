/** Programs of jobs that the coordinator itself runs: who does that, and what happens where nobody does. */
import { PeerComputeError, unitValueBytes, type JobSpec, type Report, type Verdict } from '@peercompute/job-specs'
import type { CustomComparison, JobEntry } from '../core/index.ts'
import type { Judge } from '../verify/judge.ts'

export interface JobPrograms {
  /** Without it, jobs with a verifier are refused. */
  readonly judge?: Judge
  /** Without it, jobs with a comparator of their own are refused. */
  readonly custom?: CustomComparison
}

/** Throws CAGE_UNAVAILABLE for a job that needs a program run which is not run here. */
export function refuseUnlessRun({ verification }: JobSpec, { judge, custom }: JobPrograms): void {
  if (verification.policy === 'verifier' && judge === undefined)
    throw new PeerComputeError('CAGE_UNAVAILABLE', 'the job is verified by a check of its own')
  if (verification.comparator.kind === 'custom' && custom === undefined)
    throw new PeerComputeError('CAGE_UNAVAILABLE', 'the job compares results by a program of its own')
}

const UNASKED: Verdict = { pass: null, detail: 'The value was not looked at.' }

/** What the job's verifier says of the successes of a report, in order. Null when there is nothing to ask: the core refuses the rest itself. */
export function verdictsOn(
  judge: Judge | undefined,
  job: JobEntry | undefined,
  report: Report,
  values: readonly Uint8Array[]
): Promise<readonly Verdict[]> | null {
  if (judge === undefined || job === undefined) return null
  const { spec } = job.signed
  const lease = job.leases.get(report.epoch)
  if (spec.verification.policy !== 'verifier' || lease?.holder.host !== report.host) return null
  const length = unitValueBytes(spec.outputs)
  const successes = report.units.filter(({ outcome }) => outcome === 'success')
  // Whoever sends what he does not hold shall not make anybody work.
  const asked = successes.flatMap(({ unit }, index) => {
    const value = values[index]
    return value?.length === length && lease.unreported.has(unit) && !job.settled.has(unit) ? [{ index, unit, value }] : []
  })
  return judge.verify(job.id, spec, asked).then((verdicts) => {
    const all = successes.map((): Verdict => UNASKED)
    asked.forEach(({ index }, place) => {
      const verdict = verdicts[place]
      if (verdict !== undefined) all[index] = verdict
    })
    return all
  })
}
