import { PeerComputeError } from '@peercompute/job-specs'
import type { UnitOutcome } from '../compute-worker.ts'
import type { LanePool, LaneTask } from '../pool/lane-pool.ts'

/** Longer than any probe takes, start of the program apart. */
const PROBE_MS = 60_000

export type ProbeOutcome = Extract<UnitOutcome, { ok: true }>

/** Runs `count` units of a built-in task, from `start` on. Rejects with UNIT_FAILED and the program's words when one fails. */
export async function runProbe<Task extends LaneTask>(
  task: Task,
  pool: LanePool<Task>,
  start: number,
  count: number
): Promise<ProbeOutcome[]> {
  const { signal } = new AbortController()
  const outcomes: ProbeOutcome[] = []
  const giveBack = await pool.budget.take(signal)
  try {
    const loaded = await pool.load(task, signal)
    if ('refusal' in loaded) throw new PeerComputeError('UNIT_FAILED', `The probe did not start: ${loaded.refusal.message}`)
    let failure = ''
    const ran = await loaded.lane.run(start, count, PROBE_MS, {
      outcome(outcome) {
        if (outcome.ok) outcomes.push(outcome)
        else failure = outcome.message
      }
    })
    pool.release(loaded.lane, ran.end === 'done')
    if (ran.end === 'failed') failure = ran.refusal.message
    if (ran.end === 'lost') failure = ran.message
    if (failure !== '') throw new PeerComputeError('UNIT_FAILED', `The probe failed: ${failure}`)
    return outcomes
  } finally {
    giveBack()
  }
}
