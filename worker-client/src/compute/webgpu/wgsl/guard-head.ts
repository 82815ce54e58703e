import { GUARD_BINDING, LAUNCH_GROUP } from '@peercompute/job-specs'

/** Goes into the head of every fuelled module. Every name begins with GUARD_PREFIX, so that no kernel can declare or touch them. */
export const GUARD_WGSL = `@group(${LAUNCH_GROUP}) @binding(${GUARD_BINDING}) var<storage, read_write> peercompute_guard: array<atomic<u32>, 4>;
var<private> peercompute_fuel: u32;
fn peercompute_begin() { peercompute_fuel = atomicLoad(&peercompute_guard[0]); }
fn peercompute_out() { peercompute_fuel = 0u; atomicStore(&peercompute_guard[1], 1u); }
fn peercompute_out_at_barrier() { peercompute_out(); atomicStore(&peercompute_guard[2], 1u); }
`

/** What GUARD_WGSL is written with: a kernel that gave one of these names a meaning of its own could undo the guard. */
export const GUARD_WORDS: ReadonlySet<string> = new Set(['u32', 'array', 'atomic', 'atomicLoad', 'atomicStore'])
