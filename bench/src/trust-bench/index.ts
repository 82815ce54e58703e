/** What trust costs and what it is worth: policies against fleets of which a part lies. */
import type { Bench } from '../bench.ts'
import { endToEnd } from './end-to-end.ts'
import { honestBans, simulated } from './measured.ts'
import { rate } from './rate.ts'
import { FOR_COMPARISON, JUDGED } from './scenarios.ts'
import { verifier } from './verifier.ts'

const LIMIT_SECONDS = 600

export const trustBench: Bench = {
  name: 'trust',
  summary: 'how many wrong results are accepted, and how often units are computed, when a part of the fleet lies',
  parts: [
    ...JUDGED.map((one) => simulated(one, LIMIT_SECONDS)),
    honestBans,
    verifier,
    endToEnd('e2e.liars', 0),
    endToEnd('e2e.liars.sleepers', 60),
    rate,
    ...FOR_COMPARISON.map((one) => simulated(one, LIMIT_SECONDS))
  ]
}
