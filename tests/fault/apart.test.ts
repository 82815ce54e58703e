import { expect, it } from 'vitest'
import { halves } from '../harness/faults/halves.ts'
import { testSeed } from '../harness/seeded-random.ts'

it('R8: two halves, the coordinator in one: nothing is settled twice, and they are one again soon after', async () => {
  const record = await halves({ seed: testSeed('halves'), cutMs: 3_000 })
  process.stdout.write(`${record.settledApart} units settled apart, together again after ${Math.round(record.convergedMs)} ms\n`)
  expect(record.violations).toEqual([])
  expect(record.settledApart).toBeGreaterThan(0)
  expect(record.crossed).toEqual({ answers: 0, ledger: false })
  expect(record.convergedMs).toBeLessThan(30_000)
})
