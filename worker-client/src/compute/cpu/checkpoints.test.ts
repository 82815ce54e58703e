/** Programs that tell their progress, save states and go on from them, behind the real unit protocol. */
import { describe, expect, it } from 'vitest'
import { serveUnits } from '../pool/serve-units.ts'
import type { UnitAnswer } from '../pool/unit-protocol.ts'
import { wasmBytes } from '../test-support/wasm-bytes.ts'
import type { CpuTask } from './cpu-task.ts'
import { encodeState } from './state-codec.ts'
import { loadProgram } from './load-program.ts'
import { seededRandom } from './random.ts'

type Kernel = (context: {
  unit: number
  progress: (fraction: number) => void
  checkpoint: (state: unknown) => void
  resume: unknown
}) => unknown

/** A program whose clock is the test's. */
async function served(program: CpuTask['program'], kernel?: Kernel) {
  const answers: UnitAnswer[] = []
  /** `step` passes with every look. */
  const clock = { ms: 1_000, step: 0 }
  const random = seededRandom()
  const receive = serveUnits<CpuTask>({
    load: (task) => loadProgram(task, { kernel: () => kernel, random, signal: new AbortController().signal }),
    post: (answer) => answers.push(answer),
    now: () => (clock.ms += clock.step)
  })
  const task: CpuTask = {
    job: 'job',
    params: {},
    inputs: [],
    outputs: [{ name: 'value', type: 'f64', shape: [1] }],
    outputBytes: 8,
    memoryBytes: 1_048_576,
    program
  }
  await receive({ type: 'load', task })
  expect(answers.splice(0)).toEqual([{ type: 'loaded' }])
  return {
    clock,
    random,
    run: async (start: number, count = 1, resume?: Uint8Array<ArrayBuffer>): Promise<UnitAnswer[]> => {
      await receive({ type: 'run', start, count, ...(resume === undefined ? {} : { resume }) })
      return answers.splice(0)
    }
  }
}

function value(answer: UnitAnswer | undefined): number {
  if (answer?.type !== 'value') throw new Error(JSON.stringify(answer))
  return new Float64Array(answer.value.buffer)[0] ?? NaN
}
function states(answers: readonly UnitAnswer[]): Uint8Array<ArrayBuffer>[] {
  return answers.flatMap((answer) => (answer.type === 'saved' ? [answer.state] : []))
}

describe('a JavaScript kernel', () => {
  /** Adds 100 random numbers, a second each. */
  function slow(): Promise<Awaited<ReturnType<typeof served>>> {
    const program = served({ kind: 'js', script: '' }, ({ progress, checkpoint, resume }) => {
      const state = (resume ?? { step: 0, sum: Float64Array.of(0) }) as { step: number; sum: Float64Array }
      return program.then(({ clock, random }) => {
        for (; state.step < 100; state.step++) {
          checkpoint(state)
          progress(state.step / 100)
          state.sum[0] = (state.sum[0] ?? 0) + random.next()
          clock.ms += 1_000
        }
        return { value: state.sum }
      })
    })
    return program
  }

  it('tells what is finished, and saves at most once in two seconds', async () => {
    const { run } = await slow()
    const answers = await run(3)
    expect(states(answers)).toHaveLength(49)
    const told = answers.flatMap((answer) => (answer.type === 'progress' ? [answer.fraction] : []))
    expect(told).toEqual(Array.from({ length: 100 }, (_, step) => step / 100))
    expect(answers.at(-1)).toMatchObject({ type: 'value', unit: 3, computeMs: 100_000 })
  })

  it('goes on from any saved state to the same bytes, random numbers included', async () => {
    const { run } = await slow()
    const whole = await run(3)
    for (const state of states(whole).filter((_, index) => index % 12 === 0)) {
      const rest = await run(3, 1, state)
      expect(value(rest.at(-1))).toBe(value(whole.at(-1)))
      expect(rest.length).toBeLessThan(whole.length)
    }
  })

  it('begins anew with a state that is damaged or is another program’s', async () => {
    const { run } = await slow()
    const whole = await run(3)
    const [state = new Uint8Array()] = states(whole)
    for (const bad of [state.slice(0, -1), new Uint8Array(40), encodeState('foreign'), new Uint8Array()])
      expect(await run(3, 1, bad)).toEqual(whole)
  })

  it('resumes the first unit of a range only', async () => {
    const { run } = await slow()
    const [state] = states(await run(0))
    const answers = await run(0, 2, state)
    const fresh = await run(1)
    expect(answers.filter(({ type }) => type === 'value').map(value)[1]).toBe(value(fresh.at(-1)))
  })

  it('is heard no more when its unit has ended, whatever it says', async () => {
    const late: (() => void)[] = []
    const { run, clock } = await served({ kind: 'js', script: '' }, ({ unit, progress, checkpoint }) => {
      for (const word of late) word()
      late.push(() => {
        progress(0.5)
        checkpoint(unit)
      })
      for (const wrong of [-1, 2, NaN, '0.5', undefined, {}]) progress(wrong as number)
      clock.ms += 5_000
      return { value: Float64Array.of(unit) }
    })
    const answers = await run(0, 3)
    expect(answers.map(({ type }) => type)).toEqual(['value', 'value', 'value'])
  })

  it('fails with a sentence when its state is no plain data', async () => {
    const { run, clock } = await served({ kind: 'js', script: '' }, ({ checkpoint }) => {
      clock.ms += 5_000
      checkpoint({ on: () => 1 })
    })
    expect(await run(0)).toMatchObject([{ type: 'failure', reason: 'runtime_error', message: 'TypeError: A state cannot hold a function' }])
  })
})

describe('a WASM kernel', () => {
  /*
   * (memory 1) word 0: where the next allocation begins, word 8: the state, one byte.
   * alloc(n): bumps by 64.  resume(ptr, n): state = its byte, returns n != 1.
   * compute(unit, params, inputs, outputs): progress(0.5); state += 1; checkpoint(8, 1); stores f64(state) at the first output.
   */
  const module = wasmBytes({
    types: [
      [[0x7f], [0x7f]],
      [[0x7c, 0x7f, 0x7f, 0x7f], [0x7f]],
      [[0x7f, 0x7f], [0x7f]],
      [[0x7c], []],
      [[0x7f, 0x7f], []]
    ],
    imports: [
      ['env.memory', [0, 1]],
      ['env.progress', 3],
      ['env.checkpoint', 4]
    ],
    functions: [
      // i32.const 0, (i32.load 0) + 64, i32.store; i32.load 0 + 1024
      { type: 0, code: [0x41, 0, 0x41, 0, 0x28, 2, 0, 0x41, 0xc0, 0, 0x6a, 0x36, 2, 0, 0x41, 0, 0x28, 2, 0, 0x41, 0x80, 0x08, 0x6a] },
      {
        type: 1,
        code: [
          ...[0x44, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 0x10, 0],
          ...[0x41, 8, 0x41, 8, 0x2d, 0, 0, 0x41, 1, 0x6a, 0x3a, 0, 0],
          ...[0x41, 8, 0x41, 1, 0x10, 1],
          ...[0x20, 3, 0x28, 2, 0, 0x41, 8, 0x2d, 0, 0, 0xb8, 0x39, 3, 0],
          ...[0x41, 0]
        ]
      },
      { type: 2, code: [0x41, 8, 0x20, 0, 0x2d, 0, 0, 0x3a, 0, 0, 0x20, 1, 0x41, 1, 0x47] }
    ],
    exports: [
      ['alloc', 'function', 2],
      ['compute', 'function', 3],
      ['resume', 'function', 4]
    ]
  })

  it('tells its progress, saves bytes and goes on from them in an instance of its own', async () => {
    const { run, clock } = await served({ kind: 'wasm', module })
    expect(await run(0)).toMatchObject([{ type: 'progress', fraction: 0.5 }, { type: 'value' }])
    expect(value((await run(1)).at(-1))).toBe(2)
    const resumed = await run(2, 1, Uint8Array.of(41))
    expect(value(resumed.at(-1))).toBe(42)
    // what was resumed stays there: the next unit knows nothing of it
    expect(value((await run(3)).at(-1))).toBe(1)
    // a state that it does not take
    expect(value((await run(4, 1, Uint8Array.of(41, 41))).at(-1))).toBe(1)
    clock.step = 3_000
    const [state] = states(await run(5, 1, Uint8Array.of(41)))
    expect(state).toEqual(Uint8Array.of(42))
    expect(value((await run(5, 1, state)).at(-1))).toBe(43)
  })
})
