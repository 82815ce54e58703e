/**
 * Fuel: what the loops of one invocation may take in one dispatch, in steps of about STEP_TOKENS tokens of WGSL. An iteration of a
 * short loop is one step. Runs also inside the sandbox: no imports.
 */

/**
 * Word 0 of the guard to begin with. 2^16 steps are 2^22 tokens: about 2 ms of plain arithmetic on a GPU, and 0.3 s where every seventh
 * token waits 0.5 us for memory, which is the worst that a kernel can be written to do.
 */
export const FUEL_START = 65_536
/** By this the limit grows when a unit ran out although its dispatch was well within its slice. */
export const FUEL_GROWTH = 8
/** The limit ends here. */
export const FUEL_MAX = 4_294_967_295
/** Words of the guard buffer: the limit; 1 when an invocation ran out; 1 when that was in a loop with barriers, whose limit is fixed. */
export const FUEL_WORDS = { limit: 0, ranOut: 1, ranOutAtBarrier: 2 } as const

/** Why a unit ended for want of fuel: the message of its `timeout`. */
export function outOfFuel(steps: number, atBarrier: boolean): string {
  return atBarrier
    ? `A loop with barriers did not end within the ${FUEL_START} steps that it may take. Give it a bound that is known before it runs: for (var i = 0u; i < N; i++) with a constant or params.N`
    : `The loops of an invocation did not end within ${steps} steps in one dispatch. Bound them, or spread the work over passes with "repeat" and keep its state in a scratch buffer`
}
