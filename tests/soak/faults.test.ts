/** The faults of tests/fault, longer. Each prints one line for docs/measurements/faults.md. */
import { afterAll, describe, expect, it } from 'vitest'
import { crowdReturns } from '../harness/faults/crowd-returns.ts'
import { halves } from '../harness/faults/halves.ts'
import { hoursOffline } from '../harness/faults/hours-offline.ts'
import { killUnderLoad } from '../harness/faults/kill-under-load.ts'
import { processesStopped } from '../harness/faults/processes-stopped.ts'
import { realVolunteersStopped } from '../harness/faults/real-volunteers-stopped.ts'
import { repeatedMessages } from '../harness/faults/repeated-messages.ts'
import { LEASE_MS, volunteersKilled } from '../harness/faults/volunteers-killed.ts'
import { wrongClocks } from '../harness/faults/wrong-clocks.ts'
import { testSeed } from '../harness/seeded-random.ts'
import { startServer } from '../harness/server.ts'

/** PEERCOMPUTE_SOAK_KILLS=20 shortens R1 while it is worked on. */
const KILLS = Number(process.env['PEERCOMPUTE_SOAK_KILLS'] ?? 100)
const R1_MS = 420_000
/** Given up in a minute after the lease has run out. */
const LEASE_AND_MORE_MS = LEASE_MS + 5_000

const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0)) await end()
})
const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
const most = (times: readonly number[]): number => Math.round(Math.max(...times))
const median = (times: readonly number[]): number => Math.round(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0)

async function server() {
  const started = await startServer()
  ends.push(() => started.stop())
  return started
}

describe('long faults', () => {
  it(`R1: ${KILLS} kills under load`, async () => {
    const record = await killUnderLoad({ seed: testSeed('R1'), kills: KILLS, resultsBetween: 60, volunteers: 10, forMs: R1_MS })
    say(
      `R1: ${record.downMs.length} kills, ${record.operations} operations, ${record.results} results at ${Math.round(record.resultsPerSecond)} a second, ${record.unknown} reports of unknown fate; down ${median(record.downMs)} ms (median), ${most(record.downMs)} ms (most)`
    )
    expect(record.violations).toEqual([])
    expect(record.downMs).toHaveLength(KILLS)
    expect(record.resultsPerSecond).toBeGreaterThanOrEqual(50)
    expect(most(record.downMs)).toBeLessThanOrEqual(5_000)
  })

  it('R2: 100 volunteers come back', async () => {
    const record = await crowdReturns({ seed: testSeed('R2'), processes: 4, volunteersEach: 25 })
    say(
      `R2: 100 back after ${most(record.backMs)} ms, ${record.peakPerSecond} in the busiest second, ${record.meanPerSecond.toFixed(1)} a second on average`
    )
    expect(record.violations).toEqual([])
    expect(most(record.backMs)).toBeLessThan(90_000)
  })

  it('R3: 200 volunteers are killed in the middle of their units', async () => {
    const record = await volunteersKilled({
      seed: testSeed('R3'),
      server: await server(),
      transport: 'libp2p',
      processes: 20,
      volunteersEach: 10
    })
    say(
      `R3: 200 killed, ${record.reissuedMs.length} units given out again after ${median(record.reissuedMs)} ms (median), ${most(record.reissuedMs)} ms (most)`
    )
    expect(record.violations).toEqual([])
    expect(most(record.reissuedMs)).toBeLessThan(5_000)
  })

  it('R3: without anything that tells of their end, units come back with the lease', async () => {
    const record = await volunteersKilled({
      seed: testSeed('R3 http'),
      server: await server(),
      transport: 'http',
      processes: 1,
      volunteersEach: 10
    })
    say(`R3 over HTTP: 10 killed, ${record.reissuedMs.length} units given out again after ${most(record.reissuedMs)} ms at most`)
    expect(record.violations).toEqual([])
    expect(most(record.reissuedMs)).toBeLessThan(LEASE_AND_MORE_MS)
  })

  it('SIGSTOP of volunteers, then of the coordinator, for longer than a lease', async () => {
    const record = await processesStopped({ seed: testSeed('stopped'), server: await server(), stoppedMs: LEASE_AND_MORE_MS })
    say(`SIGSTOP: ${record.operations} operations, ${record.late} results came late`)
    expect(record.violations).toEqual([])
  })

  it('SIGSTOP of real volunteers for longer than a lease', async () => {
    const record = await realVolunteersStopped({ stoppedMs: LEASE_AND_MORE_MS })
    say(`SIGSTOP of real volunteers: ${record.units} units, the right sum`)
    expect(record.violations).toEqual([])
    expect(record.sum).toBe(record.expected)
  })

  it('R5: offline for six hours, and for thirty days', async () => {
    for (const hours of [6, 720]) {
      const record = await hoursOffline({ seed: testSeed('R5'), hours, results: 50 })
      say(`R5: ${hours} h: ${record.settledMeanwhile} settled meanwhile, ${record.answers.get('late') ?? 0} late`)
      expect(record.violations).toEqual([])
      expect(record.answers.get('late')).toBe(record.settledMeanwhile)
    }
  })

  it('R6: 10 000 messages and more', async () => {
    const record = await repeatedMessages({ seed: testSeed('R6'), hosts: 200, reportsEach: 8, times: 5 })
    say(`R6: ${record.messages} messages`)
    expect(record.violations).toEqual([])
    expect(record.repeated).toEqual(record.single)
  })

  it('R7: wrong clocks', async () => {
    const record = await wrongClocks({ seed: testSeed('R7'), units: 2_000 })
    say(`R7: ${record.wrong.validated} units, ${record.wrong.executionsPerUnit ?? 0} executions each`)
    expect(record.violations).toEqual([])
    expect(record.wrong).toEqual(record.right)
  })

  it('R8: two halves for ten minutes', async () => {
    const minutes = Number(process.env['PEERCOMPUTE_SOAK_MINUTES'] ?? 10)
    const record = await halves({ seed: testSeed('R8'), cutMs: minutes * 60_000 })
    say(`R8: cut for ${minutes} min, ${record.settledApart} units settled apart, together again after ${Math.round(record.convergedMs)} ms`)
    expect(record.violations).toEqual([])
    expect(record.crossed).toEqual({ answers: 0, ledger: false })
    expect(record.convergedMs).toBeLessThan(30_000)
  })
})
