/** How fast the machine is given back: when the owner pauses, and when a unit never ends. */
import { startVolunteer, until } from '@peercompute/tests'
import { medianRow, type Part, type Run } from '../bench.ts'
import type { ComputePage } from '../pages/compute-page.ts'
import { benchSpec, ENDLESS_KERNEL, roundsFor, signedJob, spinSpec, submit } from './bench-job.ts'
import { openComputeTab } from './compute-tab.ts'
import { busiest, isRunnable, untilStill } from './process-time.ts'
import { startFarCoordinator } from './served-pages.ts'
import { timed, type TimedOutcome } from './timed-worker.ts'

declare const computePage: ComputePage

const SAMPLES = 3
const UNIT_MS = 20_000

/** A volunteer in either place. */
interface Subject {
  outcomes(): Promise<readonly TimedOutcome[]>
  pause(): Promise<void>
  resume(): Promise<void>
}

async function start(run: Run, where: 'node' | 'page'): Promise<{ url: string; pid: number; subject: Subject }> {
  const { url, farUrl, pid } = await startFarCoordinator(run, where === 'page', 0)
  if (where === 'page') {
    const { page } = await openComputeTab(run, farUrl, 1)
    return {
      url,
      pid,
      subject: {
        outcomes: () => page.evaluate(() => computePage.outcomes(0)),
        pause: () => page.evaluate(() => computePage.pause()),
        resume: () => page.evaluate(() => computePage.resume())
      }
    }
  }
  const outcomes: TimedOutcome[] = []
  const volunteer = await startVolunteer(farUrl, {
    name: 'bench',
    peers: false,
    foreign: true,
    change: (worker) => timed(worker, (outcome) => outcomes.push(outcome))
  })
  run.after(() => volunteer.stop())
  return {
    url,
    pid,
    subject: {
      outcomes: () => Promise.resolve(outcomes),
      pause: async () => {
        volunteer.pause()
      },
      resume: async () => {
        volunteer.resume()
      }
    }
  }
}

export function pausing(where: 'node' | 'page'): Part {
  const id = `pause.${where}`
  return {
    ids: [id],
    limitSeconds: 180,
    async measure(run) {
      const { url, pid, subject } = await start(run, where)
      await submit(url, await signedJob(spinSpec(1_000, roundsFor(UNIT_MS))))
      const samples: number[] = []
      for (let sample = 0; sample < SAMPLES; sample++) {
        const working: { pid: number | null } = { pid: null }
        const works = async (): Promise<boolean> => {
          const most = await busiest(pid)
          working.pid = most
          return most !== null && Array.from({ length: 20 }, () => isRunnable(most)).every(Boolean)
        }
        await until('the unit to be computed', works, 60_000)
        samples.push(await untilStill(working.pid ?? 0, () => subject.pause()))
        run.report(`${id} ${samples.at(-1)?.toFixed(0) ?? ''} ms`)
        await subject.resume()
      }
      return {
        rows: [medianRow(id, 'ms', samples, '<= 100')],
        conditions: [
          `pause: from the order until no thread of the process that computed (${where === 'node' ? 'the cage' : 'the renderer of the sandbox'}) wants a core any more, looked at every 5 ms; one slot in the middle of a unit of ${UNIT_MS / 1_000} s that never yields`
        ]
      }
    }
  }
}

export function killing(where: 'node' | 'page'): Part {
  const id = `kill.loop.${where}`
  return {
    ids: [id],
    limitSeconds: 180,
    async measure(run) {
      const { url, subject } = await start(run, where)
      const samples: number[] = []
      for (let sample = 0; sample < SAMPLES; sample++) {
        const before = (await subject.outcomes()).length
        await submit(url, await signedJob(benchSpec(ENDLESS_KERNEL, 20, {}, 1), ENDLESS_KERNEL))
        // the unit that fails is tried again later, so it is the first time that counts
        const fresh = async () => (await subject.outcomes()).slice(before)
        const next = async () => {
          const outcomes = await fresh()
          const killed = outcomes.findIndex(({ ok }) => !ok)
          const after = killed === -1 ? undefined : outcomes.slice(killed + 1).find(({ ok }) => ok)
          return after === undefined ? null : after.at - (outcomes[killed]?.at ?? 0)
        }
        await until('a unit after the one that was killed', async () => (await next()) !== null, 30_000)
        samples.push(((await next()) ?? 0) / 1_000)
        run.report(`${id} ${samples.at(-1)?.toFixed(3) ?? ''} s`)
      }
      return {
        rows: [medianRow(id, 's', samples, '<= 3')],
        conditions: [
          'kill.loop: a JavaScript loop without end is killed after its limit of 1 s; from its failure to the outcome of the next unit in the one slot'
        ]
      }
    }
  }
}
