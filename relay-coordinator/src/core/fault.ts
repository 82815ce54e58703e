/** Which lost votes are held against their hosts. */
import type { HostId, JobSpec } from '@peercompute/job-specs'
import type { Judging } from './acceptance.ts'
import { isResumed, voicesOf, type Voice } from './held-lease.ts'
import { dependent } from './independence.ts'
import { ANOTHER_CLASS, type FailedAttempt, type PendingResult } from './unit.ts'

/** A result that lost, and what it says of its host. */
export interface Fault {
  readonly holder: Voice
  /** It is wrong. False: it is only not like the others, which costs the host the belief that it is right alone, and nothing else. */
  readonly telling: boolean
  /** Independent hosts with the same wrong answer. */
  readonly accomplices: readonly HostId[]
  /** The result went on from a state that this host had saved: who of the two was wrong cannot be told. */
  readonly saved?: true
}

/** Of an answer that is wrong with a larger probability, losing against it says nothing. */
const TELLING_ERROR_MAX = 0.01

export interface Decided {
  readonly star: readonly PendingResult[]
  readonly errorProbability: number
  readonly results: readonly PendingResult[]
  readonly failures: readonly FailedAttempt[]
}

/** Results that differ no more than the job permits devices of different classes are no faults. */
export function faultsOf(decided: Decided, spec: JobSpec, { compare }: Pick<Judging, 'compare'>): readonly Fault[] {
  const { star, errorProbability, results, failures } = decided
  if (failures.length === 0 && star.length === results.length) return []
  const lost = results.filter((result) => !star.includes(result))
  const unverified = failures.filter(({ reason }) => reason === 'verification_failed')
  if (lost.length + unverified.length === 0) return []
  const sure = errorProbability <= TELLING_ERROR_MAX
  const seen = lost.map((result) => ({ result, kind: sure ? kindOf(result, star, spec, compare) : 'unlike' }))
  const telling = seen.flatMap(({ result, kind }) => (kind === 'wrong' && !isResumed(result.holder) ? [result] : []))
  const { independence } = spec.verification
  const accomplicesOf = (one: PendingResult): HostId[] =>
    telling.flatMap((other) => {
      const apart = other.holder.host !== one.holder.host && !dependent(other.holder, one.holder, independence)
      return apart && compare(one, other).agree ? [other.holder.host] : []
    })
  const faults = seen.flatMap(({ result, kind }): readonly Fault[] => {
    if (kind === 'alike') return []
    if (isResumed(result.holder)) return faultsOfResumed(result)
    const isWrong = kind === 'wrong'
    return [{ holder: result.holder, telling: isWrong, accomplices: isWrong ? accomplicesOf(result) : [] }]
  })
  const refused = unverified.flatMap((attempt): readonly Fault[] =>
    isResumed(attempt.holder) ? faultsOfResumed(attempt) : [{ holder: attempt.holder, telling: true, accomplices: [] }]
  )
  return [...faults, ...refused]
}

/** Nobody is blamed; nobody of them is believed alone for it, and what those who saved the state decided alone is looked at again. */
function faultsOfResumed({ holder }: Pick<PendingResult, 'holder'>): readonly Fault[] {
  return voicesOf(holder).map((voice, index) => ({ holder: voice, telling: false, accomplices: [], ...(index > 0 ? { saved: true } : {}) }))
}

/** `unlike`: it cannot be said whether the host or its kind of device is at fault. `alike`: another class could have computed it. */
function kindOf(
  result: PendingResult,
  star: readonly PendingResult[],
  { verification }: JobSpec,
  compare: Judging['compare']
): 'wrong' | 'unlike' | 'alike' {
  const [canonical] = star
  if (canonical === undefined) return 'unlike'
  if (verification.comparator.kind === 'exact') {
    const { numericClass, probeVersion } = result
    return star.some((other) => other.numericClass === numericClass && other.probeVersion === probeVersion) ? 'wrong' : 'unlike'
  }
  return compare(canonical, { ...result, numericClass: ANOTHER_CLASS }).agree ? 'alike' : 'wrong'
}
