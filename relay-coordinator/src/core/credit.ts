/** Credit: for settled units only, by the work that they take, never by the time that a host claims. */

/** One credit = 4.32 × 10¹¹ operations: 200 credits are a day of one GFLOP/s (BOINC's cobblestone). */
export const OPERATIONS_PER_CREDIT = 4.32e11

/** Millionths of a credit for one valid result of a unit; at least 1. */
export function unitMicroCredits(unitOperations: number): number {
  return Math.max(1, Math.round((unitOperations / OPERATIONS_PER_CREDIT) * 1e6))
}
