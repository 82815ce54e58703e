/** The built-in verifiers and what they draw from. */
export { verifyValue } from './verify-value.ts'
export { drawSeed, seededRandom, type Seed } from './seeded-random.ts'
export { isPrime } from './is-prime.ts'
export { preimageDigest } from './preimage.ts'
export { elementsOf, outputElementsByName, type Elements } from './elements.ts'
