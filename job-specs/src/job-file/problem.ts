/** One thing that is wrong with a job file. `path` is the field, e.g. `verification.quorum` or `outputs[0].type`. */
export interface JobFileProblem {
  /** One sentence that says what was met and what is wanted. */
  readonly message: string
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly column: number
}

export type FieldPath = readonly (string | number)[]

export function pathText(path: FieldPath): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`), '')
}
