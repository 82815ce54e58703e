import { setTimeout } from 'node:timers/promises'

/** How long a fault lasts. Never a wait for something to happen: `until` does that. */
export function lasting(ms: number): Promise<void> {
  return setTimeout(ms)
}
