/** Spreads a range of units over the slots of a pool and turns every way to fail into an outcome. */
import type { RunEvents, UnitOutcome, UnitRange } from '../compute-worker.ts'
import type { LanePool, LaneTask } from './lane-pool.ts'
import type { Refusal } from './unit-protocol.ts'
import type { UnitLane } from './unit-lane.ts'

/** A unit during which the program vanished this often is held to be the cause. */
const LOSSES_OF_A_UNIT = 2

/**
 * Runs the range; each unit gives one outcome. Rejects with the signal's reason when it aborts, and then stops every program
 * that worked on the range. `unitMs`: wall-clock limit of one unit.
 */
export async function runRange<Task extends LaneTask>(
  range: UnitRange,
  task: Task,
  pool: LanePool<Task>,
  unitMs: number,
  events: RunEvents,
  signal: AbortSignal
): Promise<void> {
  const end = range.start + range.count
  const working = new Set<UnitLane<Task>>()
  const losses = new Map<number, number>()
  let next = range.start

  function stopped(): boolean {
    return signal.aborted
  }
  function report(outcome: UnitOutcome): void {
    if (!stopped()) events.outcome(outcome)
  }
  function fail(unit: number, { reason, message }: Refusal): void {
    report({ unit, ok: false, reason, message, computeMs: 0 })
  }
  /** Half of a fair share of what is left, so that slots finish together whatever the units cost. */
  function takeChunk(): [from: number, to: number] {
    const from = next
    next = Math.min(end, from + Math.ceil((end - from) / (2 * pool.slots)))
    return [from, next]
  }
  function blame(unit: number, message: string): boolean {
    const count = (losses.get(unit) ?? 0) + 1
    losses.set(unit, count)
    if (count < LOSSES_OF_A_UNIT) return false
    fail(unit, { reason: 'out_of_memory', message: `The program died ${count} times in this unit: ${message}` })
    return true
  }

  async function workSlot(): Promise<void> {
    const giveBack = await pool.takeSlot(signal)
    let lane: UnitLane<Task> | undefined
    function drop(healthy: boolean): void {
      if (lane === undefined) return
      working.delete(lane)
      pool.release(lane, healthy)
      lane = undefined
    }
    try {
      for (let [unit, to] = takeChunk(); unit < to && !stopped(); [unit, to] = takeChunk()) {
        const heard: RunEvents = {
          ...events,
          outcome(outcome) {
            unit = outcome.unit + 1
            report(outcome)
          }
        }
        while (unit < to && !stopped()) {
          if (lane === undefined) {
            const loaded = await pool.load(task, signal)
            if ('refusal' in loaded) {
              while (unit < to) fail(unit++, loaded.refusal)
              break
            }
            lane = loaded.lane
            working.add(lane)
            continue
          }
          const ran = await lane.run(unit, to - unit, unitMs, heard, unit === range.start ? range.resume : undefined)
          if (ran.end === 'done') continue
          drop(false)
          if (ran.end === 'failed') fail(unit++, ran.refusal)
          else if (!stopped() && blame(unit, ran.message)) unit++
        }
      }
    } finally {
      drop(!stopped())
      giveBack()
    }
  }

  const stop = () => {
    for (const lane of working) lane.close()
  }
  signal.addEventListener('abort', stop)
  try {
    await Promise.all(Array.from({ length: Math.min(pool.slots, range.count) }, workSlot))
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
