import { afterAll, beforeAll, expect, it } from 'vitest'
import { startClockedServer, type Jump } from '../harness/faults/clocked-server.ts'
import { processesStopped } from '../harness/faults/processes-stopped.ts'
import { LEASE_MS, volunteersKilled } from '../harness/faults/volunteers-killed.ts'
import { testSeed } from '../harness/seeded-random.ts'
import type { TestServer } from '../harness/server.ts'

let server: TestServer
let jump: Jump
beforeAll(async () => {
  ;({ server, jump } = await startClockedServer())
})
afterAll(() => server.stop())

it('R3: twenty volunteers are killed in the middle of their units: somebody else has these at once, and all are settled', async () => {
  const record = await volunteersKilled({ seed: testSeed('volunteers'), server, transport: 'libp2p', processes: 4, volunteersEach: 5 })
  process.stdout.write(`${record.reissuedMs.length} units, given out again after ${Math.max(...record.reissuedMs)} ms at most\n`)
  expect(record.violations).toEqual([])
  expect(Math.max(...record.reissuedMs)).toBeLessThan(5_000)
})

it('SIGSTOP of volunteers, then of the coordinator, for longer than a lease: nothing is lost, nothing counts twice', async () => {
  const record = await processesStopped({ seed: testSeed('stopped'), server, stoppedMs: 500, jump: { by: jump, ms: LEASE_MS + 5_000 } })
  process.stdout.write(`${record.late} results came late\n`)
  expect(record.violations).toEqual([])
})
