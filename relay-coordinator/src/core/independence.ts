/** When two executions count as two opinions (DESIGN §3.10). */
import type { Independence } from '@peercompute/job-specs'
import type { Holder } from './held-lease.ts'

/** True when `a` and `b` share what the level forbids. Each level includes the weaker ones. */
export function dependent(a: Holder, b: Holder, level: Independence): boolean {
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
