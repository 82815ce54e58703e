/** Saved states of unfinished units: what lets a long unit survive a closed tab, and another host take it over. */

/** A state travels as a blob of its own; more would take longer to move than most units take to compute. */
export const CHECKPOINT_MAX_BYTES = 16_777_216
/** Least time between two saved states of one unit, and most work that a crash may cost when the kernel saves as often. */
export const CHECKPOINT_EVERY_MS = 2_000
