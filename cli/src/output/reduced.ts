/** What a job's units fold to, in words. */
import type { Reduced } from '@peercompute/job-specs'

export function reducedText(reduced: Reduced): string {
  switch (reduced.kind) {
    case 'none':
      return 'the units themselves'
    case 'sum':
      return `sum ${reduced.sum}`
    case 'argmin':
      return reduced.value === null
        ? 'minimum not known yet'
        : `minimum ${reduced.value} (unit ${reduced.unit ?? '?'}, element ${reduced.index ?? '?'})`
  }
}
