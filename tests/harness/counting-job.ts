/** A long unit that can be checked: it counts, saves at each step, and tells from which step the last program went on. */
const STEP_LOOPS = 4_000_000

export interface CountingKernel {
  /** JavaScript; its output is `y`, two `f32`: the sum, and the step that it went on from. */
  readonly text: string
  readonly steps: number
  readonly sum: number
}

/** Kernels have no clock: as many steps as this machine does in `workMs`, when nothing else wants the core. */
export function countingKernel(workMs: number): CountingKernel {
  const steps = Math.max(20, Math.ceil(workMs / stepMs()))
  return {
    steps,
    sum: sumOf(steps),
    text: `export default ({ checkpoint, progress, resume }) => {
  let { step, sum } = resume ?? { step: 0, sum: 1 }
  const from = step
  for (; step < ${steps}; step++) {
    let busy = step
    for (let i = 0; i < ${STEP_LOOPS}; i++) busy = (Math.imul(busy, 1664525) + 1013904223) | 0
    sum = (sum * 31 + step + (busy & 0)) % 1000003
    checkpoint({ step: step + 1, sum })
    progress((step + 1) / ${steps})
  }
  return { y: Float32Array.of(sum, from) }
}`
  }
}

function stepMs(): number {
  let best = Infinity
  for (let time = 0; time < 5; time++) {
    const begun = performance.now()
    let busy = time
    for (let i = 0; i < STEP_LOOPS; i++) busy = (Math.imul(busy, 1664525) + 1013904223) | 0
    best = Math.min(best, performance.now() - begun + (busy & 0))
  }
  return best
}

function sumOf(steps: number): number {
  let sum = 1
  for (let step = 0; step < steps; step++) sum = (sum * 31 + step) % 1_000_003
  return sum
}
