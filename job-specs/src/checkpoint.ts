/** Saved states of unfinished units: what lets a long unit survive a closed tab, and another host take it over. */

/** A state travels as a blob of its own; more would take longer to move than most units take to compute. */
export const CHECKPOINT_MAX_BYTES = 16_777_216
/** Least time between two saved states of one unit, and most work that a crash may cost when the kernel saves as often. */
export const CHECKPOINT_EVERY_MS = 2_000

/** Units that may take this long are handed over: of shorter ones the work is sooner done again. */
export const LONG_UNIT_SECONDS = 60
/** Least time between two states of one unit that are handed to the coordinator. */
export const CHECKPOINT_HANDED_EVERY_MS = 60_000
/** A state that is handed over is attached to a work frame, with its message. */
export const CHECKPOINT_HANDED_MAX_BYTES = 4_128_768
