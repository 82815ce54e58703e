import { describe, expect, it } from 'vitest'
import { preparedJob } from '../test-support/prepared-job.ts'
import type { UnitOutcome } from '../compute-worker.ts'
import { LanePool } from './lane-pool.ts'
import { runRange } from './run-range.ts'
import type { ChannelEnd, UnitAnswer, UnitChannel, UnitOrder } from './unit-protocol.ts'

interface Task {
  readonly job: string
}
type Script = (order: UnitOrder<Task>, answer: (answer: UnitAnswer) => void, end: (end: ChannelEnd) => void) => void

/** A program whose every word is written down. */
function channel(script: Script): UnitChannel<Task> {
  let say: (answer: UnitAnswer) => void = () => undefined
  let die: (end: ChannelEnd) => void = () => undefined
  return {
    listen: (onAnswer, onEnd) => {
      ;[say, die] = [onAnswer, onEnd]
    },
    post: (order) => {
      queueMicrotask(() => {
        script(order, say, die)
      })
    },
    close: () => undefined
  }
}
const value = (unit: number): UnitAnswer => ({ type: 'value', unit, value: new Uint8Array([unit]), computeMs: 1 })
const honest: Script = (order, answer) => {
  if (order.type === 'load') answer({ type: 'loaded' })
  else if (order.type === 'run') for (let unit = order.start; unit < order.start + order.count; unit++) answer(value(unit))
}

async function run(script: Script, count: number, slots = 1): Promise<{ outcomes: UnitOutcome[]; opened: number }> {
  let opened = 0
  const pool = new LanePool<Task>({
    slots,
    keep: false,
    loadMs: 1_000,
    open: () => {
      opened++
      return channel(script)
    }
  })
  const outcomes: UnitOutcome[] = []
  await runRange(
    { job: preparedJob({}), start: 0, count },
    { job: 'j' },
    pool,
    1_000,
    {
      outcome: (outcome) => {
        outcomes.push(outcome)
      }
    },
    new AbortController().signal
  )
  return { outcomes: outcomes.sort((a, b) => a.unit - b.unit), opened }
}

describe('runRange', () => {
  it('gives each unit once over several slots', async () => {
    const { outcomes, opened } = await run(honest, 101, 4)
    expect(outcomes.map((outcome) => outcome.unit)).toEqual(Array.from({ length: 101 }, (_, unit) => unit))
    expect(opened).toBe(4)
  })

  it('tries a unit twice again when its program vanished, and blames it the third time', async () => {
    let deaths = 0
    const { outcomes } = await run((order, answer, end) => {
      if (order.type === 'run' && order.start === 2 && deaths < 3) {
        deaths++
        end({ end: 'lost', message: 'gone' })
      } else honest(order.type === 'run' && order.start < 2 ? { ...order, count: 2 - order.start } : order, answer, end)
      if (order.type === 'run' && order.start < 2 && order.start + order.count > 2) end({ end: 'lost', message: 'gone' })
    }, 5)
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, false, true, true])
    expect(outcomes[2]).toMatchObject({ reason: 'out_of_memory' })
  })

  it.each<[string, (order: { start: number }) => UnitAnswer]>([
    ['another unit', ({ start }) => value(start + 1)],
    ['an answer to another order', () => ({ type: 'loaded' })]
  ])('fails the unit of a program that answers %s', async (_, wrong) => {
    const { outcomes } = await run((order, answer, end) => {
      if (order.type === 'run' && order.start === 0) answer(wrong(order))
      else honest(order, answer, end)
    }, 3)
    expect(outcomes).toHaveLength(3)
    expect(outcomes[0]).toMatchObject({ ok: false, reason: 'runtime_error', message: expect.stringContaining('out of turn') as string })
    expect(outcomes[2]?.ok).toBe(true)
  })

  it('fails all units when the program refuses the job', async () => {
    const { outcomes } = await run(
      (_, answer) => {
        answer({ type: 'refused', reason: 'compile_error', message: 'line 1' })
      },
      3,
      2
    )
    expect(outcomes).toMatchObject([0, 1, 2].map((unit) => ({ unit, ok: false, reason: 'compile_error', message: 'line 1' })))
  })

  it('gives up a program that never starts', async () => {
    const { outcomes, opened } = await run((_, __, end) => {
      end({ end: 'lost', message: 'no room' })
    }, 1)
    expect(outcomes).toMatchObject([{ ok: false, message: 'The program ended before it started: no room' }])
    expect(opened).toBe(2)
  })

  it('lets ranges wait for a free slot in order', async () => {
    const pool = new LanePool<Task>({ slots: 1, keep: false, loadMs: 1_000, open: () => channel(honest) })
    const order: number[] = []
    const job = preparedJob({})
    const { signal } = new AbortController()
    await Promise.all(
      [0, 10, 20].map((start) =>
        runRange(
          { job, start, count: 3 },
          { job: 'j' },
          pool,
          1_000,
          {
            outcome: (outcome) => {
              order.push(outcome.unit)
            }
          },
          signal
        )
      )
    )
    expect(order).toEqual([0, 1, 2, 10, 11, 12, 20, 21, 22])
  })
})
