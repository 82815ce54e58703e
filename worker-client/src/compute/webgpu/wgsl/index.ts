/** The guard of WGSL, for whoever checks kernels without running them. */
export { FUEL_GROWTH, FUEL_MAX, FUEL_START, FUEL_WORDS, outOfFuel } from './fuel.ts'
export { GUARD_WGSL } from './guard-head.ts'
export { guardWgsl, lintWgsl, WGSL_MAX_LENGTH, type GuardedWgsl, type WgslLint } from './guard-wgsl.ts'
