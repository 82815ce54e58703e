import { beforeAll, expect, it } from 'vitest'
import { dropBombs, type BombReport } from './parts/sandbox/drop-bombs.ts'
import { BOMBS } from './parts/sandbox/resource-bombs.ts'

const TIMES = 3
const reports = new Map<string, BombReport>()

beforeAll(async () => {
  for (const report of await dropBombs(BOMBS, TIMES)) reports.set(report.bomb, report)
}, 90_000)

it.each(BOMBS)('$name: its unit fails with a reason, the next one runs soon, nobody else feels it', ({ name, reasons }) => {
  const report = reports.get(name)
  expect(report?.ends).toHaveLength(TIMES)
  for (const end of report?.ends ?? []) expect(reasons).toContain(end)
  expect(report).toMatchObject({ wrongNext: 0, neighboursHurt: 0 })
  expect(report?.slowestNextMs).toBeLessThan(name === 'loop' ? 3_000 : 5_000)
  // Two programs compute on the machine's cores beside the page; the long form asks for 18 in each second.
  expect(report?.fewestBeats).toBeGreaterThanOrEqual(15)
})
