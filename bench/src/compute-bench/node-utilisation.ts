/** How busy a headless volunteer keeps its processor when the coordinator is far away. */
import { startVolunteer, until } from '@peercompute/tests'
import { singleRow, type Part } from '../bench.ts'
import { pause } from '../time.ts'
import { roundsFor, signedJob, spinSpec, submit } from './bench-job.ts'
import { DELAY_MS, startFarCoordinator } from './served-pages.ts'
import { gaps, timed, utilisation, type TimedOutcome } from './timed-worker.ts'

/** Until the pace is known and the host may hold leases enough. */
export const WARM_UP_MS = 8_000
export const MEASURE_MS = 20_000

export const UTILISATION_CONDITION = `util: one slot, a real coordinator behind a TCP line of ${DELAY_MS} ms in each direction, work over HTTP, quorum 1; units of fixed work that took so long on the idle core; the share of ${MEASURE_MS / 1_000} s in which the kernel itself computed, as its own clock says, after ${WARM_UP_MS / 1_000} s`

export function nodeUtilisation(id: string, unitMs: number, target: string): Part {
  return {
    ids: [id],
    limitSeconds: 120,
    async measure(run) {
      const coordinator = await startFarCoordinator(run, false, DELAY_MS)
      const outcomes: TimedOutcome[] = []
      const volunteer = await startVolunteer(coordinator.farUrl, {
        name: 'bench',
        peers: false,
        foreign: true,
        change: (worker) => timed(worker, (outcome) => outcomes.push(outcome))
      })
      run.after(() => volunteer.stop())
      await submit(coordinator.url, await signedJob(spinSpec(1_000_000, roundsFor(unitMs))))
      await until('the first unit', () => outcomes.length > 0, 60_000)
      await pause(WARM_UP_MS)
      const from = performance.now()
      await pause(MEASURE_MS)
      const to = performance.now()
      // what is in work at the end is heard a unit later
      await pause(2 * unitMs)
      const share = utilisation(outcomes, from, to) * 100
      const units = outcomes.filter(({ at }) => at >= from && at < to)
      const mean = units.reduce((sum, { computeMs }) => sum + computeMs, 0) / units.length
      run.report(
        `${id} ${share.toFixed(2)} %, ${units.length} units of ${mean.toFixed(0)} ms; longest gaps ${gaps(units).slice(0, 12).join(' ')} ms`
      )
      if (units.some(({ ok }) => !ok)) throw new Error('Units failed')
      return {
        rows: [singleRow(id, '%', share, target)],
        conditions: [UTILISATION_CONDITION, `${id}: Node ${process.versions.node}, in its cage; units took ${mean.toFixed(0)} ms`]
      }
    }
  }
}
