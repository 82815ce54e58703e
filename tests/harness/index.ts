/** What tests and benchmarks across packages start: coordinators, command lines and browsers, all real. */
export * from './until.ts'
export * from './process.ts'
export * from './server.ts'
export * from './browser.ts'
export * from './honest-and-lying.ts'
export * from './volunteer-page.ts'
