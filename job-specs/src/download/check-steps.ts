/** The steps of a check, in the order in which trust is built, each with what was found. */

export const checkNames = [
  'form',
  'files',
  'specification',
  'values',
  'receipts',
  'votes',
  'root',
  'counts',
  'signature',
  'certificate',
  'ledger',
  'rerun'
] as const
export type CheckName = (typeof checkNames)[number]

export const checkTitles: Readonly<Record<CheckName, string>> = {
  form: 'Everything can be read',
  files: 'The files are those of the manifest',
  specification: 'Specification, job id and author',
  values: 'Every value has its digest',
  receipts: 'Every unit has its receipt',
  votes: 'The votes satisfy the policy',
  root: 'All receipts are under the root',
  counts: 'Reduced value and sums, computed again',
  signature: 'The coordinator signed the receipt',
  certificate: 'The root key stands behind the coordinator',
  ledger: 'The ledger says the same',
  rerun: 'A unit, computed again here'
}

/** `open`: it could not be decided here. It does not fail the check. */
export type CheckVerdict = 'ok' | 'open' | 'fail'

export interface CheckFailure {
  /** File and line or unit, and the field where one is known: `receipts.ndjson, unit 7, votes.1.digest`. */
  readonly place: string
  /** What is wrong and what it means, in a sentence. */
  readonly why: string
}

export interface CheckStep {
  readonly name: CheckName
  readonly title: string
  readonly verdict: CheckVerdict
  /** What was checked, with figures. */
  readonly detail: string
  /** The first of them. */
  readonly failures: readonly CheckFailure[]
  /** All of them. */
  readonly failed: number
}

export const FAILURES_SHOWN = 10

export class Findings {
  readonly #failures = new Map<CheckName, CheckFailure[]>()
  readonly #failed = new Map<CheckName, number>()

  fail(name: CheckName, place: string, why: string): void {
    const failures = this.#failures.get(name) ?? []
    this.#failures.set(name, failures)
    if (failures.length < FAILURES_SHOWN) failures.push({ place, why })
    this.#failed.set(name, (this.#failed.get(name) ?? 0) + 1)
  }

  has(name: CheckName): boolean {
    return this.#failed.has(name)
  }

  get any(): boolean {
    return this.#failed.size > 0
  }

  /** `open`: why it could not be decided, when it could not. */
  step(name: CheckName, detail: string, open?: string): CheckStep {
    const failed = this.#failed.get(name) ?? 0
    return {
      name,
      title: checkTitles[name],
      verdict: failed > 0 ? 'fail' : open === undefined ? 'ok' : 'open',
      detail: failed > 0 ? `${failed} ${failed === 1 ? 'place does' : 'places do'} not hold` : (open ?? detail),
      failures: this.#failures.get(name) ?? [],
      failed
    }
  }
}
