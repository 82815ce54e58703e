/** How busy a tab keeps its processor when the coordinator is far away, and whether its page stays smooth meanwhile. */
import { singleRow, type Part } from '../bench.ts'
import type { ComputePage } from '../pages/compute-page.ts'
import { until } from '@peercompute/tests'
import { pause } from '../time.ts'
import { roundsFor, signedJob, spinSpec, submit } from './bench-job.ts'
import { openComputeTab } from './compute-tab.ts'
import { MEASURE_MS, UTILISATION_CONDITION, WARM_UP_MS } from './node-utilisation.ts'
import { DELAY_MS, startFarCoordinator } from './served-pages.ts'
import { gaps, utilisation } from './timed-worker.ts'

declare const computePage: ComputePage

export function pageUtilisation(id: string, unitMs: number, target: string): Part {
  const longTask = `longtask.${unitMs}ms`
  return {
    ids: [id, longTask],
    limitSeconds: 180,
    async measure(run) {
      const coordinator = await startFarCoordinator(run, true, DELAY_MS)
      await submit(coordinator.url, await signedJob(spinSpec(1_000_000, roundsFor(unitMs))))
      const { page, browser, complaints } = await openComputeTab(run, coordinator.farUrl, 1)
      await until('the first unit', () => page.evaluate(() => computePage.count() > 0), 60_000).catch((cause: unknown) => {
        throw new Error(complaints.join('\n'), { cause })
      })
      await pause(WARM_UP_MS)
      const from = await page.evaluate(() => {
        computePage.takeLongTasks()
        return computePage.now()
      })
      await pause(MEASURE_MS)
      const [to, longTasks] = await page.evaluate(() => [computePage.now(), computePage.takeLongTasks()] as const)
      // what is in work at the end is heard a unit later
      await pause(2 * unitMs)
      const outcomes = await page.evaluate((since) => computePage.outcomes(since), from)
      const share = utilisation(outcomes, from, to) * 100
      const mean = outcomes.reduce((sum, { computeMs }) => sum + computeMs, 0) / outcomes.length
      run.report(
        `${id} ${share.toFixed(2)} %, ${outcomes.length} units of ${mean.toFixed(0)} ms; longest gaps ${gaps(outcomes).slice(0, 12).join(' ')} ms; long tasks ${longTasks.join(' ')}`
      )
      if (outcomes.some(({ ok }) => !ok)) throw new Error('Units failed')
      return {
        rows: [singleRow(id, '%', share, target), singleRow(longTask, 'ms', Math.max(0, ...longTasks), '<= 50')],
        conditions: [
          UTILISATION_CONDITION,
          `${id}: Chromium ${browser.version()} headless, in its sandbox; units took ${mean.toFixed(0)} ms`,
          `longtask: the longest task of the page's main thread meanwhile, as PerformanceObserver tells (from 50 ms on; 0: none)`
        ]
      }
    }
  }
}
