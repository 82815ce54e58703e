/** The authoring form of a job: `job.yaml` → checked file → specification. Apart from the contract proper, because it brings a YAML reader. */
export * from './job-file.ts'
export * from './parse-job-file.ts'
export * from './to-job-spec.ts'
export * from './problem.ts'
export * from './describe-issue.ts'
export * from './did-you-mean.ts'
export * from './field-table.ts'
