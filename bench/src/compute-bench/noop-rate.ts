/** Ten thousand units that do nothing, from the coordinator through the sandbox and back. */
import { medianRow, type Part } from '../bench.ts'
import type { ComputePage } from '../pages/compute-page.ts'
import { until } from '@peercompute/tests'
import { benchSpec, NO_OP_KERNEL, signedJob, submit } from './bench-job.ts'
import { openComputeTab } from './compute-tab.ts'
import { startFarCoordinator } from './served-pages.ts'

declare const computePage: ComputePage

const UNITS = 10_000
const SAMPLES = 3

export const noopRate: Part = {
  ids: ['noop.rate', 'noop.accepted'],
  limitSeconds: 240,
  async measure(run) {
    const coordinator = await startFarCoordinator(run, true, 0)
    const { page, browser, complaints } = await openComputeTab(run, coordinator.farUrl, 2)
    const rates: number[] = []
    const accepted: number[] = []
    // the first is of a host that nobody knows: it may hold few leases
    for (let sample = 0; sample <= SAMPLES; sample++) {
      const [before, known] = await page.evaluate(() => [computePage.count(), computePage.accepted()] as const)
      const from = performance.now()
      await submit(coordinator.url, await signedJob(benchSpec(NO_OP_KERNEL, UNITS), NO_OP_KERNEL))
      const all = async (what: 'count' | 'accepted', base: number): Promise<void> => {
        await until(`${UNITS} units`, async () => (await page.evaluate((name) => computePage[name](), what)) >= base + UNITS, 60_000).catch(
          (cause: unknown) => {
            throw new Error(complaints.join('\n'), { cause })
          }
        )
      }
      await all('count', before)
      const computed = await page.evaluate(
        (since) =>
          computePage
            .outcomes(0)
            .slice(since)
            .map(({ at }) => at),
        before
      )
      const rate = UNITS / ((Math.max(...computed) - Math.min(...computed)) / 1_000)
      await all('accepted', known)
      const whole = UNITS / ((performance.now() - from) / 1_000)
      run.report(`noop.rate ${rate.toFixed(0)} units/s, ${whole.toFixed(0)} from the submission to the last acknowledgement`)
      if (sample === 0) continue
      rates.push(rate)
      accepted.push(whole)
    }
    return {
      rows: [medianRow('noop.rate', '1/s', rates, '>= 2000'), medianRow('noop.accepted', '1/s', accepted, null)],
      conditions: [
        `noop: ${UNITS} JavaScript units that return their number, Chromium ${browser.version()} headless, two slots, a real coordinator on the same machine, quorum 1; rate: from the first outcome to the last; accepted: from the submission until the last is acknowledged; a first job is not counted`
      ]
    }
  }
}
