/** V2, small: the long form has 30 volunteers, 2 000 units and a coordinator that is killed meanwhile (`soak/liars.test.ts`). */
import { expect, it } from 'vitest'
import { runLiars } from '../harness/liars/run-liars.ts'
import { testSeed } from '../harness/seeded-random.ts'

it('a quarter of the volunteers collude: they are banned, what they decided is computed again, and books and proofs hold', async () => {
  const { seconds, executions, reopened, ...found } = await runLiars({
    seed: testSeed('liars'),
    units: 300,
    honest: 9,
    colluding: 3,
    honestFor: 15,
    kills: 0,
    timeoutMs: 60_000
  })
  process.stdout.write(`${found.wrong} wrong, ${reopened} reopened, ${executions.toFixed(2)} executions a unit, ${seconds.toFixed(1)} s\n`)
  expect(found).toMatchObject({
    settled: 300,
    banned: { liars: 3, honest: 0 },
    decidedByBanned: 0,
    violations: [],
    unproven: []
  })
  expect(found.wrong).toBeLessThanOrEqual(2)
})
