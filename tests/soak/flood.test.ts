/** Ten thousand messages a second that bring nobody anything, next to twenty honest hosts. Needs a machine with nothing else to do. */
import { it } from 'vitest'
import { withstand } from '../security/parts/flood.ts'

/** P3 of the test matrix. */
const BOUNDS = { honest: 20, cutMs: 5_000, p99Ms: 2_000 }

it.each([
  { connections: 50, perSecond: 10_000, seconds: 8, ...BOUNDS },
  { connections: 200, perSecond: 10_000, seconds: 60, ...BOUNDS }
])('$connections connections for $seconds s are cut within 5 s, keep no honest host waiting, and cost no result', withstand)
