/** When two executions count as two opinions (DESIGN §3.10). */
import type { Independence } from '@peercompute/job-specs'
import type { Holder, Voice } from './held-lease.ts'

/** True when `a` and `b`, or any whose states they went on from, share what the level forbids. Each level includes the weaker ones. */
export function dependent(a: Holder, b: Holder, level: Independence): boolean {
  if (isDependent(a, b, level)) return true
  const { resumed: ofA = [] } = a
  const { resumed: ofB = [] } = b
  if (ofA.length + ofB.length === 0) return false
  return [a, ...ofA].some((one) => [b, ...ofB].some((other) => isDependent(one, other, level)))
}

function isDependent(a: Voice, b: Voice, level: Independence): boolean {
  switch (level) {
    case 'executor':
      return a.host === b.host && a.executor === b.executor
    case 'host':
      return a.host === b.host
    case 'owner':
      return a.host === b.host || a.account === b.account
    case 'subnet':
      return a.host === b.host || a.account === b.account || a.subnet === b.subnet
  }
}
