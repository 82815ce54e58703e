/** What a simulated unit costs. */
import { simulate } from '@peercompute/relay-coordinator/simulation'
import { medianRow, type Part } from '../bench.ts'
import { CREDIBILITY, fleetWithLiars } from './fleets.ts'

const UNITS = 50_000
const WARM_UP_UNITS = 20_000
const SAMPLES = 5

export const rate: Part = {
  ids: ['sim.rate'],
  limitSeconds: 180,
  measure(run) {
    const scenario = { groups: fleetWithLiars(0.05, 0.1), churn: 0, verification: CREDIBILITY, time: 'random order' } as const
    const rates: number[] = []
    for (let sample = 0; sample <= SAMPLES; sample++) {
      const units = sample === 0 ? WARM_UP_UNITS : UNITS
      const before = process.cpuUsage()
      const { problem, settled, inconclusive, executionsPerUnit } = simulate({ ...scenario, units, seed: sample })
      const { user, system } = process.cpuUsage(before)
      if (problem !== null || settled + inconclusive < units)
        throw new Error(`The simulation is not valid: ${problem ?? 'units were not finished'}`)
      if (sample === 0) continue
      rates.push(units / ((user + system) / 1e6))
      run.report(`sim.rate ${(rates.at(-1) ?? 0).toFixed(0)} units/s of CPU, ${executionsPerUnit.toFixed(2)} executions each`)
    }
    return Promise.resolve({
      rows: [medianRow('sim.rate', '1/s', rates, '>= 20000')],
      conditions: [
        `sim.rate: units from first lease to settlement for each second of CPU (all threads of the process, garbage collection included), jobs of ${UNITS} units after one of ${WARM_UP_UNITS}, as in cred.1`
      ]
    })
  }
}
