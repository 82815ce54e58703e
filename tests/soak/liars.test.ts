/** V2 as it is asked for, and the same with a coordinator that is killed meanwhile. */
import { expect, it } from 'vitest'
import { runLiars } from '../harness/liars/run-liars.ts'
import { testSeed } from '../harness/seeded-random.ts'

it.each([
  { honestFor: 0, kills: 0 },
  { honestFor: 0, kills: 2 },
  { honestFor: 30, kills: 0 },
  { honestFor: 30, kills: 2 }
])(
  '30 volunteers, 6 of whom collude after $honestFor units, 2 000 units, $kills kills of the coordinator',
  async ({ honestFor, kills }) => {
    const { seconds, executions, reopened, ...found } = await runLiars({
      seed: testSeed(`liars after ${honestFor}, ${kills} kills`),
      units: 2_000,
      honest: 24,
      colluding: 6,
      honestFor,
      kills,
      timeoutMs: 300_000,
      report: (line) => process.stdout.write(`${line}\n`)
    })
    process.stdout.write(
      `${found.wrong} wrong, ${reopened} reopened, ${executions.toFixed(2)} executions a unit, ${seconds.toFixed(1)} s\n`
    )
    expect(found).toMatchObject({
      settled: 2_000,
      banned: { liars: 6, honest: 0 },
      decidedByBanned: 0,
      violations: [],
      unproven: []
    })
    if (honestFor > 0) expect(reopened).toBeGreaterThan(0)
    expect(found.wrong).toBeLessThanOrEqual(2)
  }
)
