import { expect, it } from 'vitest'
import { dropBombs } from '../security/parts/sandbox/drop-bombs.ts'
import { BOMBS } from '../security/parts/sandbox/resource-bombs.ts'

const TIMES = 20

it.each(BOMBS)(`$name, ${TIMES} times: contained each time`, async (bomb) => {
  const [report] = await dropBombs([bomb], TIMES)
  expect(report?.ends).toHaveLength(TIMES)
  for (const end of report?.ends ?? []) expect(bomb.reasons).toContain(end)
  expect(report).toMatchObject({ wrongNext: 0, neighboursHurt: 0 })
  expect(report?.slowestNextMs).toBeLessThan(bomb.name === 'loop' ? 3_000 : 5_000)
  expect(report?.fewestBeats).toBeGreaterThanOrEqual(18)
})
