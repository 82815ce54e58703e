import { UnitLane } from '../compute/pool/unit-lane.ts'
import type { CpuTask } from '../compute/cpu/cpu-task.ts'
import type { CagePool } from './cage-pool.ts'

const PROOF_MS = 20_000
/** The program finds nothing of the runtime, cannot make code from text, and cannot load a module of it. */
const SCRIPT = `return async () => {
  const closed = [typeof process, typeof require, typeof fetch, typeof Worker].every((type) => type === 'undefined') && typeof globalThis.Deno === 'undefined'
  const imported = await import('node:fs').then(() => true, () => false)
  return { closed: new Uint8Array([closed && !imported ? 1 : 0]) }
}`

/** Runs a small program in the cage. Null when the cage is shut, else what was seen. */
export async function proveCage(pool: CagePool): Promise<string | null> {
  const task: CpuTask = {
    job: 'proof',
    params: {},
    inputs: [],
    outputs: [{ name: 'closed', type: 'u8', shape: [1] }],
    outputBytes: 1,
    memoryBytes: 16_777_216,
    program: { kind: 'js', script: SCRIPT }
  }
  const lane = new UnitLane<CpuTask>(pool.channel(task))
  try {
    const loaded = await lane.load(task, PROOF_MS)
    if (loaded.end !== 'loaded') return loaded.end === 'lost' ? loaded.message : loaded.refusal.message
    let seen = 'a program in it gave no answer'
    const ran = await lane.run(0, 1, PROOF_MS, {
      outcome(outcome) {
        seen = outcome.ok ? (outcome.value[0] === 1 ? '' : 'a program in it can reach the runtime') : outcome.message
      }
    })
    if (ran.end !== 'done') return ran.end === 'lost' ? ran.message : ran.refusal.message
    return seen === '' ? null : seen
  } finally {
    lane.close()
  }
}
