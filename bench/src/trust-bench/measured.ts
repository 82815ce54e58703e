/** Rows of simulated fleets. What two rows need is simulated once. */
import type { Part, Row, Run } from '../bench.ts'
import { mean, summarise, told, type Scenario, type Summary } from './fleets.ts'
import { JUDGED, type Case } from './scenarios.ts'

/** An error of a millionth of a percent is one unit in 10⁸. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6

/** Row whose value is the mean of its samples. */
export function meanRow(id: string, unit: string, samples: readonly number[], target: string | null): Row {
  return { id, value: rounded(mean(samples)), unit, samples: samples.map(rounded), target }
}

const summaries = new Map<string, Summary>()

async function summaryOf({ id, scenario, seeds }: Case, { report }: Run): Promise<Summary> {
  const known = summaries.get(id)
  if (known !== undefined) return known
  const summary = await summarise(scenario, seeds)
  report(told(id, summary))
  summaries.set(id, summary)
  return summary
}

export function simulated(one: Case, limitSeconds: number): Part {
  const { id, seeds, scenario } = one
  return {
    ids: [id, `${id}.executions`],
    limitSeconds,
    async measure(run) {
      const { errors, executions } = await summaryOf(one, run)
      return {
        rows: [meanRow(id, '%', errors, one.error), meanRow(`${id}.executions`, '', executions, one.executions)],
        conditions: [
          'the real core under virtual time; unless a row says otherwise 200 hosts in as many networks, one unit a lease, hosts in random order, liars of one unit all say the same; sound devices err in 0.1 % of executions; who is banned is back at once under a new name; values are means over the seeds (samples: each seed)',
          `${id}: ${scenario.units} units, ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ${fleetInWords(scenario)}`
        ]
      }
    }
  }
}

function fleetInWords({ groups, churn, time }: Scenario): string {
  const parts = groups.map(({ name, hosts, errorRate, honestFor, wrong }) => {
    const later = honestFor === 0 ? '' : ` after ${honestFor}`
    return `${hosts} ${name} (${errorRate * 100} %${later}${wrong === 'same' ? '' : `, ${wrong}`})`
  })
  return `${parts.join(' + ')}${churn === 0 ? '' : `, churn ${churn * 100} %`}${time === 'timeline' ? ', on a timeline' : ''}`
}

/** Over all simulations that are judged. */
export const honestBans: Part = {
  ids: ['bans.honest'],
  limitSeconds: 1_800,
  async measure(run) {
    const samples: number[] = []
    for (const one of JUDGED) samples.push((await summaryOf(one, run)).reports.reduce((sum, { bans }) => sum + bans.sound, 0))
    const value = samples.reduce((sum, sample) => sum + sample, 0)
    return {
      rows: [{ id: 'bans.honest', value, unit: 'hosts', samples, target: '<= 0' }],
      conditions: [`bans.honest: in ${JUDGED.map(({ id }) => id).join(', ')}, all seeds`]
    }
  }
}
