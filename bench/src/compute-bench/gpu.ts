/** What the platform costs on a graphics card: against a hand-written loop of the same dispatches on the same device, in the same run. */
import { medianRow, singleRow, type Part, type Row, type Run } from '../bench.ts'
import { nodeDriver, tabDriver, type Computed, type GpuDriver } from './gpu/driver.ts'
import { workJob, type Work } from './gpu/workload.ts'

/** Length of a submission of the hand-written loop. */
const SLICE_MS = 10
const ROUNDS_MAX = 65_536
/** Both sides take turns this often, because clocks and other programs drift. */
const TURNS = 3
const SHARES = [0.25, 0.5, 0.75]
const DUTY_MS = 4_000
const PAUSES = 5
const VISIBLE_SLICE_MS = 5
const FRAMES_MS = 8_000

interface Tuned {
  readonly rounds: number
  /** Of one dispatch. */
  readonly ms: number
}

/** A dispatch of about a millisecond, as far as the device is slow enough. */
async function tune(driver: GpuDriver): Promise<Tuned> {
  for (let rounds = 4; ; rounds *= 4) {
    const repeat = 20
    const ms = (await driver.bare({ rounds, repeat, units: 2, readEach: false, batch: 5 })) / 2 / repeat
    if (ms >= 0.5 || rounds >= ROUNDS_MAX) return { rounds, ms }
  }
}

const unitOf = ({ rounds, ms }: Tuned, unitMs: number): Work => ({ rounds, repeat: Math.max(1, Math.round(unitMs / ms)) })
const batchOf = ({ ms }: Tuned): number => Math.max(1, Math.round(SLICE_MS / ms))

/** Share of the device's own speed, in percent, with units of a length. */
async function utilisation(run: Run, driver: GpuDriver, tuned: Tuned, unitMs: number, id: string, target: string): Promise<Row> {
  const work = unitOf(tuned, unitMs)
  const job = workJob(work)
  const units = Math.max(3, Math.round(3_000 / unitMs))
  await driver.run(job, 0, 2)
  const samples: number[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    const bare = (await driver.bare({ ...work, units, readEach: false, batch: batchOf(tuned) })) / units
    // From the first value to the last: the range itself begins without a unit ahead.
    const times = await driver.run(job, 2, units + 1)
    const ours = passed(times) / units
    samples.push((100 * bare) / ours)
    run.report(`${id}: ${bare.toFixed(2)} ms a unit by hand, ${ours.toFixed(2)} ms here`)
  }
  return medianRow(id, '%', samples, target)
}

/** Milliseconds from the first value to the last. */
function passed(times: readonly Computed[]): number {
  return (times.at(-1)?.at ?? 0) - (times[0]?.at ?? 0)
}

async function overhead(driver: GpuDriver, tuned: Tuned, id: string): Promise<Row> {
  const work = { rounds: tuned.rounds, repeat: 1 }
  const job = workJob(work)
  const units = 200
  await driver.run(job, 0, 50)
  const samples: number[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    const bare = (await driver.bare({ ...work, units, readEach: true, batch: 1 })) / units
    const times = await driver.run(job, 50, units + 1)
    samples.push(passed(times) / units - bare)
  }
  return medianRow(id, 'ms a unit', samples, '<= 2')
}

/** Greatest distance of the device's busy time from the share that was set, in points. */
async function duty(run: Run, driver: GpuDriver, tuned: Tuned, id: string): Promise<Row> {
  const job = workJob(unitOf(tuned, 20))
  const samples: number[] = []
  for (const share of SHARES) {
    await driver.lend(share)
    await driver.run(job, 0, 5)
    const times = await driver.run(job, 5, Math.max(10, Math.round((DUTY_MS * share) / 20)))
    const busy = times.slice(1).reduce((sum, { computeMs }) => sum + computeMs, 0)
    const measured = busy / passed(times)
    run.report(
      `${id}: ${(100 * share).toFixed(0)} % set, ${(100 * measured).toFixed(1)} % measured, ${(busy / (times.length - 1)).toFixed(1)} ms a unit`
    )
    samples.push(100 * Math.abs(measured - share))
  }
  await driver.lend(1)
  return { id, value: Math.round(Math.max(...samples) * 1_000) / 1_000, unit: 'points', samples, target: '<= 3' }
}

/** From the order to the last value that still comes. */
async function pause(driver: GpuDriver, tuned: Tuned, id: string): Promise<Row> {
  const job = workJob(unitOf(tuned, 5))
  const samples: number[] = []
  for (let turn = 0; turn < PAUSES; turn++) {
    const running = driver.run(job, 0, 400)
    while ((await driver.heard()).length < 20) await new Promise((resolve) => setTimeout(resolve, 5))
    const ordered = await driver.lend(0)
    await new Promise((resolve) => setTimeout(resolve, 500))
    samples.push(Math.max(0, ((await driver.heard()).at(-1) ?? 0) - ordered))
    await driver.lend(1)
    await running
  }
  return { id, value: Math.round(Math.max(...samples) * 1_000) / 1_000, unit: 'ms', samples, target: '<= 100' }
}

/** 95th percentile of the gap between two frames of the page while half of the card is lent, in slices for a page that is looked at. */
async function framesAtHalf(driver: GpuDriver, tuned: Tuned, id: string): Promise<Row[]> {
  if (driver.frames === null) return []
  await driver.lend(0.5, VISIBLE_SLICE_MS)
  const running = driver.run(workJob(unitOf(tuned, 50)), 0, (FRAMES_MS * 2) / 50)
  while ((await driver.heard()).length < 5) await new Promise((resolve) => setTimeout(resolve, 5))
  const gaps = [...(await driver.frames(FRAMES_MS))].sort((a, b) => a - b)
  const before = (await driver.heard()).length
  await driver.lend(1)
  await running
  if (before < 10) throw new Error('the card did not compute while frames were counted')
  return [singleRow(id, 'ms', gaps[Math.floor(gaps.length * 0.95)] ?? Infinity, '<= 20')]
}

function part(host: string, open: (run: Run) => Promise<GpuDriver>): Part {
  const ids = {
    second: `util.gpu.1s${host}`,
    tenth: `util.gpu.100ms${host}`,
    overhead: `overhead.gpu${host}`,
    duty: `duty.gpu${host}`,
    pause: `pause.gpu${host}`,
    dispatch: `dispatch.gpu${host}`,
    ...(host === '' ? {} : { frames: `frames.gpu${host}` })
  }
  return {
    ids: Object.values(ids),
    limitSeconds: 600,
    async measure(run) {
      const driver = await open(run)
      const tuned = await tune(driver)
      run.report(`${driver.name}: ${driver.adapter}, a dispatch of ${tuned.ms.toFixed(3)} ms`)
      const rows = [
        await utilisation(run, driver, tuned, 1_000, ids.second, '>= 98'),
        await utilisation(run, driver, tuned, 100, ids.tenth, '>= 95'),
        await overhead(driver, tuned, ids.overhead),
        await duty(run, driver, tuned, ids.duty),
        await pause(driver, tuned, ids.pause),
        ...(await framesAtHalf(driver, tuned, `frames.gpu${host}`)),
        singleRow(ids.dispatch, 'ms', tuned.ms, null)
      ]
      return {
        rows,
        conditions: [`GPU in ${driver.name}: ${driver.adapter}; util: of the speed of a hand-written loop, without a network`]
      }
    }
  }
}

/** A headless volunteer's GPU process. */
export const gpuInNode = part('', nodeDriver)
/** A tab of Chromium. */
export const gpuInTab = part('.tab', tabDriver)
