/** Downloads that anybody can check: their form, and the check. */
export * from './download.ts'
export * from './check-steps.ts'
export * from './download-check.ts'
export * from './read-download.ts'
export * from './readable-values.ts'
export * from './result-forms.ts'
export { voteProblems, type Problem } from './vote-problems.ts'
