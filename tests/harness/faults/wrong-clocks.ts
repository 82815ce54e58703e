/** R7: volunteers whose clocks are wrong by days and years get the same work and the same answers. */
import { systemClock, type Clock } from '@peercompute/p2p/time'
import { jobsOver, startCampaign, type Judgement } from './campaign.ts'
import { readHistory } from './history.ts'
import { serveHere, type Served } from './served-here.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** From a day behind to a year ahead. */
export const SKEWS_MS = [-DAY_MS, -HOUR_MS, 0, HOUR_MS, 365 * DAY_MS] as const

/** What the coordinator decided about one job, without who did what when. */
export interface Decisions {
  readonly state: string
  readonly validated: number
  readonly executionsPerUnit: number | null
  readonly sum: string
  readonly answers: readonly string[]
  /** Durations of leases, in ms. */
  readonly leases: readonly number[]
}

export interface WrongClocksRecord {
  readonly wrong: Decisions
  readonly right: Decisions
  readonly violations: Judgement['violations']
}

export async function wrongClocks({ seed, units }: { readonly seed: number; readonly units: number }): Promise<WrongClocksRecord> {
  const server = await serveHere()
  try {
    const right = await decisions(
      server,
      seed,
      units,
      SKEWS_MS.map(() => 0)
    )
    const wrong = await decisions(server, seed, units, SKEWS_MS)
    return { wrong: wrong.made, right: right.made, violations: [...right.violations, ...wrong.violations] }
  } finally {
    await server.stop()
  }
}

async function decisions(server: Served, seed: number, units: number, skews: readonly number[]) {
  const campaign = await startCampaign(`clocks-${skews.some((skew) => skew !== 0) ? 'wrong' : 'right'}`, seed, server)
  try {
    for (const skew of skews) await campaign.volunteer({ clock: skewed(skew) })
    const job = await campaign.submitter.submit({ unitCount: units })
    await jobsOver(server, [job])
    const { violations, answers } = await campaign.judge()
    const { state, units: counts, executionsPerUnit, reduced } = await server.job(job)
    const leases = readHistory(campaign.history.file).flatMap(({ call, outcome }) =>
      call.op === 'ask' && outcome.type === 'ok' ? (outcome.answer.durations ?? []) : []
    )
    const made: Decisions = {
      state,
      validated: counts.validated,
      executionsPerUnit,
      sum: reduced.kind === 'sum' ? reduced.sum : '',
      answers: [...answers.keys()].toSorted(),
      leases: [...new Set(leases)]
    }
    return { made, violations }
  } finally {
    await campaign.end()
  }
}

function skewed(ms: number): Clock {
  return { ...systemClock, now: () => Date.now() + ms }
}
