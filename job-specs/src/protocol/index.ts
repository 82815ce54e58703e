/** The wire: what crosses between programs. */
export * from './frames.ts'
export * from './work.ts'
export * from './proof-of-work.ts'
export * from './ledger.ts'
export * from './blob.ts'
export * from './peers.ts'
export * from './topic.ts'
export * from './room.ts'
