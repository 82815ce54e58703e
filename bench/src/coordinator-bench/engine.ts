/** The engine without the network: how fast it is, and whether a long queue makes it slower. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, type Child } from '@peercompute/tests/child'
import { median, medianRow, singleRow, type Part, type Run } from '../bench.ts'
import type { EngineCommands } from './engine-process.ts'
import { checkCredit, checkJob } from './load-job.ts'

const HOSTS = 50
const UNITS_PER_CONTACT = 10
const ENGINE_CONDITION = `engine: core, group commit and SQLite (WAL, synchronous=FULL) in one process, ${HOSTS} hosts in as many subnets that call it directly, ${UNITS_PER_CONTACT} units reported and asked for side by side in each contact; making the reports is part of it, signatures and ledger are not`

async function startEngine(run: Run): Promise<Child<EngineCommands>> {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-bench-'))
  run.after(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const child = await startChild<EngineCommands>(new URL('engine-process.ts', import.meta.url))
  run.after(() => child.kill())
  await child.call('start', { database: join(folder, 'coordinator.db'), hostCount: HOSTS })
  return child
}

const UNITS = 40_000
const WARM_UP_UNITS = 10_000
const SAMPLES = 3

export const engine: Part = {
  ids: ['engine.q2', 'engine.q2.cpu'],
  limitSeconds: 120,
  async measure(run) {
    const child = await startEngine(run)
    const rates: number[] = []
    const costs: number[] = []
    let settledAll = 0
    for (let sample = -1; sample < SAMPLES; sample++) {
      const units = sample < 0 ? WARM_UP_UNITS : UNITS
      const { job, elapsedMs, cpuMs } = await child.call('settle', { queued: units, work: units, unitsPerContact: UNITS_PER_CONTACT })
      checkJob(await child.call('account', job), true)
      settledAll += units
      checkCredit(await child.call('credit', undefined), settledAll)
      if (sample < 0) continue
      rates.push(units / (elapsedMs / 1_000))
      costs.push(cpuMs / units)
      run.report(`engine.q2 ${(rates.at(-1) ?? 0).toFixed(0)} units/s, ${(costs.at(-1) ?? 0).toFixed(3)} ms CPU each`)
    }
    return {
      rows: [medianRow('engine.q2', '1/s', rates, '>= 5200'), medianRow('engine.q2.cpu', 'ms', costs, null)],
      conditions: [ENGINE_CONDITION, `engine.q2: jobs of ${UNITS} units after one of ${WARM_UP_UNITS}`]
    }
  }
}

const HUGE = 1e9
const SUBMISSIONS = 20

export const submit: Part = {
  ids: ['submit.1e9', 'submit.1e9.store'],
  limitSeconds: 60,
  async measure(run) {
    const child = await startEngine(run)
    const submissions: { ms: number; bytes: number }[] = []
    for (let i = 0; i <= SUBMISSIONS; i++) submissions.push(await child.call('submit', HUGE))
    // The first one compiles the statements.
    const measured = submissions.slice(1)
    const times = measured.map(({ ms }) => ms)
    const sizes = measured.map(({ bytes }) => bytes)
    run.report(`submit.1e9 ${median(times).toFixed(2)} ms, ${Math.max(...sizes)} bytes of rows at most`)
    return {
      rows: [medianRow('submit.1e9', 'ms', times, '<= 100'), singleRow('submit.1e9.store', 'bytes', Math.max(...sizes), '<= 1024')],
      conditions: [
        `submit: jobs of 10⁹ units of the n-queens kernel, each until its transaction is on disk; bytes: the values of all rows that a submission adds, specification and audit entry included`
      ]
    }
  }
}

const QUEUED = [1e3, 1e6, 1e9]
/** Before it that many more are queued, so that the queue has its length when they are settled. */
const WORK = 1_000
const ROUNDS = 24
/** Their code is being compiled. */
const WARM_UP_ROUNDS = 6

export const flat: Part = {
  ids: ['flat', 'flat.1e3', 'flat.1e6', 'flat.1e9'],
  limitSeconds: 120,
  async measure(run) {
    const child = await startEngine(run)
    const costs = new Map<number, number[]>(QUEUED.map((queued) => [queued, []]))
    let settledAll = 0
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      // each size comes first, second and third as often as the others
      for (let turn = 0; turn < QUEUED.length; turn++) {
        const queued = QUEUED[(round + turn) % QUEUED.length] ?? 0
        const { job, cpuMs, settled } = await child.call('settle', {
          queued: queued + WORK,
          work: WORK,
          unitsPerContact: UNITS_PER_CONTACT
        })
        await child.call('cancel', job)
        const account = await child.call('account', job)
        checkJob(account, false)
        settledAll += account.validated
        checkCredit(await child.call('credit', undefined), settledAll)
        if (round >= WARM_UP_ROUNDS) costs.get(queued)?.push((cpuMs * 1_000) / settled)
      }
    }
    const middle = QUEUED.map((queued) => median(costs.get(queued) ?? []))
    const ratio = Math.max(...middle) / Math.min(...middle)
    run.report(`flat ${middle.map((cost) => `${cost.toFixed(1)} µs`).join(', ')}`)
    return {
      rows: [
        singleRow('flat', 'ratio', ratio, '<= 1.15'),
        ...QUEUED.map((queued) => medianRow(`flat.1e${Math.log10(queued)}`, 'µs', costs.get(queued) ?? [], null))
      ],
      conditions: [
        ENGINE_CONDITION,
        `flat: CPU of a settled unit, submission included, of the first ${WORK} in jobs that have 10³, 10⁶ and 10⁹ units left afterwards, ${ROUNDS} rounds in turn; the ratio of the dearest to the cheapest median`
      ]
    }
  }
}
