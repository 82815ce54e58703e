/** What a unit costs beside its kernel: the whole volunteer against a loop written by hand, in the same run. */
import { startVolunteer, until } from '@peercompute/tests'
import { medianRow, type Part } from '../bench.ts'
import { roundsFor, signedJob, spin, spinSpec, submit } from './bench-job.ts'
import { startFarCoordinator } from './served-pages.ts'
import { timed, type TimedOutcome } from './timed-worker.ts'

const UNIT_MS = 5
const UNITS = 1_000
const SAMPLES = 3

export const overhead: Part = {
  ids: ['overhead.cpu', 'overhead.cpu.own'],
  limitSeconds: 240,
  async measure(run) {
    const coordinator = await startFarCoordinator(run, false, 0)
    let outcomes: TimedOutcome[] = []
    const volunteer = await startVolunteer(coordinator.farUrl, {
      name: 'bench',
      peers: false,
      foreign: true,
      change: (worker) => timed(worker, (outcome) => outcomes.push(outcome))
    })
    run.after(() => volunteer.stop())
    const rounds = roundsFor(UNIT_MS)
    const against: number[] = []
    const own: number[] = []
    for (let sample = 0; sample <= SAMPLES; sample++) {
      const from = performance.now()
      for (let unit = 0; unit < UNITS; unit++) spin(unit, rounds)
      const bareMs = (performance.now() - from) / UNITS
      outcomes = []
      await submit(coordinator.url, await signedJob(spinSpec(UNITS, rounds)))
      await until('all units', () => outcomes.length >= UNITS, 60_000)
      const wallMs = ((outcomes.at(-1)?.at ?? 0) - (outcomes[0]?.at ?? 0)) / (UNITS - 1)
      const kernelMs = outcomes.reduce((sum, { computeMs }) => sum + computeMs, 0) / UNITS
      run.report(`overhead.cpu ${wallMs.toFixed(3)} ms a unit, ${bareMs.toFixed(3)} by hand, ${kernelMs.toFixed(3)} in the kernel`)
      // the first job is of a host that nobody knows: it may hold few leases
      if (sample === 0) continue
      against.push(wallMs - bareMs)
      own.push(wallMs - kernelMs)
    }
    return {
      rows: [medianRow('overhead.cpu', 'ms', against, '<= 2'), medianRow('overhead.cpu.own', 'ms', own, null)],
      conditions: [
        `overhead.cpu: ${UNITS} units of about ${UNIT_MS} ms, one slot of a headless volunteer in its cage with a coordinator on the same machine, from the first outcome to the last, less the time of a loop in Node over the same units just before; own: less the time that the kernel says`
      ]
    }
  }
}
