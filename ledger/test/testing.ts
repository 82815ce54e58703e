/** For tests of the packages above: what hostile peers send. */
export { attacksOn, type Attack } from './attacks.ts'
export { heapAfterCollection, mutated, randomOf, type Random } from './fuzz.ts'
export { writeFeedUpdate } from '../src/feed-update.ts'
