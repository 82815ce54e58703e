/** Spreads a range of units over the slots of a pool and turns every way to fail into an outcome. */
import type { RunEvents, UnitOutcome, UnitRange } from '../compute-worker.ts'
import type { LanePool, LaneTask } from './lane-pool.ts'
import type { Refusal } from './unit-protocol.ts'
import type { UnitLane } from './unit-lane.ts'

/**
 * A program that vanishes takes units with it, and a sandbox all that were in it. After so many losses a unit is computed while
 * no other suspect is, so that an innocent one gets through.
 */
const SUSPECTED_AFTER = 2
/** A unit during which the program vanished this often is held to be the cause. */
const LOSSES_OF_A_UNIT = 3

/** An order to a program costs a message there and back, which is little beside so much work. */
const CHUNK_MS = 20

/**
 * Runs the range; each unit gives one outcome. Rejects with the signal's reason when it aborts, and then stops every program
 * that worked on the range. `unitMs`: limit of one unit, in time that is lent to it.
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
  let began = Infinity
  let done = 0

  function stopped(): boolean {
    return signal.aborted
  }
  function report(outcome: UnitOutcome): void {
    if (!stopped()) events.outcome(outcome)
  }
  function fail(unit: number, { reason, message }: Refusal): void {
    report({ unit, ok: false, reason, message, computeMs: 0 })
  }
  /** Half of a fair share of what is left, so that slots finish together whatever the units cost; but no crumbs. */
  function takeChunk(): [from: number, to: number] {
    const from = next
    began = Math.min(began, performance.now())
    const perSlot = done / Math.min(pool.budget.slots, range.count)
    const unitMs = perSlot === 0 ? Infinity : (performance.now() - began) / perSlot
    next = Math.min(end, from + Math.ceil(Math.max((end - from) / (2 * pool.budget.slots), CHUNK_MS / unitMs)))
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
    let giveBack: (() => void) | undefined
    let lane: UnitLane<Task> | undefined
    let refusal: Refusal | undefined
    function drop(healthy: boolean): void {
      if (lane === undefined) return
      working.delete(lane)
      pool.release(lane, healthy)
      lane = undefined
    }
    async function load(): Promise<void> {
      const loaded = await pool.load(task, signal)
      if ('refusal' in loaded) {
        refusal = loaded.refusal
      } else {
        lane = loaded.lane
        working.add(lane)
      }
    }
    try {
      if (pool.loadsAhead) await load()
      giveBack = await pool.budget.take(signal)
      for (let [unit, to] = takeChunk(); unit < to && !stopped(); [unit, to] = takeChunk()) {
        const heard: RunEvents = {
          ...events,
          outcome(outcome) {
            unit = outcome.unit + 1
            done++
            report(outcome)
          }
        }
        while (unit < to && !stopped()) {
          if (refusal !== undefined) {
            while (unit < to) fail(unit++, refusal)
            break
          }
          if (lane === undefined) {
            await load()
            continue
          }
          const suspected = (losses.get(unit) ?? 0) >= SUSPECTED_AFTER
          const cleared = suspected ? await pool.suspects.take(signal) : undefined
          if (lane.closed) {
            // It died at rest: another program took the whole sandbox with it.
            cleared?.()
            drop(false)
            continue
          }
          pool.began(lane)
          const ran = await lane
            .run(unit, suspected ? 1 : to - unit, unitMs, heard, unit === range.start ? range.resume : undefined)
            .finally(cleared)
          if (ran.end === 'done') continue
          drop(false)
          if (ran.end === 'failed') fail(unit++, ran.refusal)
          else if (!stopped() && blame(unit, ran.message)) unit++
        }
        if (pool.budget.overdrawn) {
          giveBack()
          giveBack = undefined
          giveBack = await pool.budget.take(signal)
        }
      }
    } finally {
      drop(!stopped())
      giveBack?.()
    }
  }

  const stop = () => {
    for (const lane of working) lane.close()
  }
  signal.addEventListener('abort', stop)
  try {
    await Promise.all(Array.from({ length: Math.min(pool.budget.slots, range.count) }, workSlot))
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
