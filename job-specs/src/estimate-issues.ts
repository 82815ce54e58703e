/** Whether a statistical comparator fits the outputs of its job. */
import { elementCount, type OutputSpec } from './kernel.ts'
import type { Comparator } from './verification.ts'

export interface EstimateIssue {
  /** Below `estimates`. */
  readonly path: (string | number)[]
  readonly message: string
}

/** None for other comparators. Each name must be a floating-point output of its own, and a mean needs an error for each element. */
export function estimateIssues(comparator: Comparator, outputs: readonly OutputSpec[]): readonly EstimateIssue[] {
  if (comparator.kind !== 'statistical') return []
  const issues: EstimateIssue[] = []
  const named = new Set<string>()
  comparator.estimates.forEach((estimate, index) => {
    const [mean, error] = (['mean', 'standardError'] as const).map((role) => {
      const name = estimate[role]
      const output = outputs.find((one) => one.name === name)
      const issue = (message: string) => issues.push({ path: [index, role], message })
      if (output === undefined) issue(`names "${name}", which is not an output`)
      else if (output.type !== 'f32' && output.type !== 'f64') issue(`names "${name}", which must be of type f32 or f64`)
      else if (named.has(name)) issue(`names "${name}" a second time; each output belongs to one estimate`)
      named.add(name)
      return output
    })
    if (mean !== undefined && error !== undefined && elementCount(mean) !== elementCount(error))
      issues.push({
        path: [index, 'standardError'],
        message: `names "${error.name}" with ${elementCount(error)} elements for "${mean.name}" with ${elementCount(mean)}; they must be as many`
      })
  })
  return issues
}
