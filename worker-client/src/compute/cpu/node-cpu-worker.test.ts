import { afterAll, describe, expect, it } from 'vitest'
import { openCage } from '../../cage/open-cage.ts'
import type { UnitOutcome } from '../compute-worker.ts'
import { preparedJob, runUnits } from '../test-support/prepared-job.ts'
import { wasmKernel } from '../test-support/wasm-kernel.ts'
import { nodeCpuWorker } from './node-cpu-worker.ts'

const cage = await openCage('deno')
if (cage.kind === null) throw new Error(cage.why)
const js = await nodeCpuWorker({ kind: 'js', slots: 2, cage })
const wasm = await nodeCpuWorker({ kind: 'wasm', slots: 1, cage })
afterAll(async () => {
  await Promise.all([js.stop(), wasm.stop()])
  await cage.close()
})

function u32(outcome: UnitOutcome | undefined): number {
  if (outcome?.ok !== true) throw new Error(JSON.stringify(outcome))
  return new DataView(outcome.value.buffer).getUint32(outcome.value.byteOffset, true)
}
function kernel(body: string): string {
  return `export default ({ unit, params, inputs }) => {\n${body}\n}`
}

describe('nodeCpuWorker', () => {
  it('describes its executors', () => {
    expect(js.executor).toMatchObject({
      kind: 'js',
      slots: 2,
      software: false,
      features: [],
      numericClass: expect.stringMatching(/^js-[0-9a-f]{8}$/) as string
    })
    expect(wasm.executor).toMatchObject({ kind: 'wasm', numericClass: 'wasm' })
    expect(js.executor.operationsPerSecond).toBeGreaterThan(1e7)
    expect(wasm.executor.operationsPerSecond).toBeGreaterThan(1e7)
  })

  it('computes every unit of a range once, with parameters and inputs', async () => {
    const job = preparedJob({
      js: kernel('return { value: new Uint32Array([unit * params.factor + inputs.data[params.at[1]]]) }'),
      params: { factor: 10, at: [0, 2] },
      inputs: [{ name: 'data', type: 'i32', bytes: new Uint8Array(new Int32Array([1, 2, 3]).buffer) }]
    })
    const outcomes = await runUnits(js, job, 5, 300)
    expect(outcomes.map((outcome) => outcome.unit)).toEqual(Array.from({ length: 300 }, (_, i) => i + 5))
    expect(outcomes.map(u32)).toEqual(Array.from({ length: 300 }, (_, i) => (i + 5) * 10 + 3))
  })

  it('draws the same random numbers for a unit, whatever ran before it', async () => {
    const job = preparedJob({ js: kernel('Math.random(); return { value: new Uint32Array([Math.random() * 2 ** 32]) }') })
    const whole = await runUnits(js, job, 0, 20)
    const alone = await runUnits(js, job, 13, 1)
    expect(u32(alone[0])).toBe(u32(whole[13]))
    expect(new Set(whole.map(u32)).size).toBe(20)
  })

  it('reports the message of a unit that throws and goes on', async () => {
    const job = preparedJob({
      js: kernel('if (unit === 1) throw new RangeError("no such body: " + unit)\nreturn { value: new Uint32Array([unit]) }')
    })
    const outcomes = await runUnits(js, job, 0, 3)
    expect(outcomes[1]).toMatchObject({ ok: false, reason: 'runtime_error', message: 'RangeError: no such body: 1' })
    expect([u32(outcomes[0]), u32(outcomes[2])]).toEqual([0, 2])
  })

  it('stops an endless loop at the limit and gives the next unit right', async () => {
    const job = preparedJob({
      js: kernel('while (unit === 1) {}\nreturn { value: new Uint32Array([unit]) }'),
      limits: { unitSeconds: 0.3 }
    })
    const outcomes = await runUnits(js, job, 0, 4)
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, false, true, true])
    expect(outcomes[1]).toMatchObject({ reason: 'timeout', message: 'The unit took longer than 0.3 s' })
    expect(u32(outcomes[3])).toBe(3)
  })

  it('ends a kernel that eats the heap, tries the unit once more, and goes on', async () => {
    const job = preparedJob({
      js: kernel('const all = []\nwhile (unit === 0) all.push(new Array(1e6).fill(unit))\nreturn { value: new Uint32Array([unit]) }')
    })
    const outcomes = await runUnits(js, job, 0, 2)
    expect(outcomes[0]).toMatchObject({ ok: false, reason: 'out_of_memory' })
    expect(u32(outcomes[1])).toBe(1)
  }, 60_000)

  it('names the wrong output', async () => {
    const [outcome] = await runUnits(js, preparedJob({ js: kernel('return { value: new Float32Array(1) }') }), 0, 1)
    expect(outcome).toMatchObject({
      ok: false,
      reason: 'output_shape',
      message: 'Output "value" is Float32Array(1), wanted Uint32Array(1)'
    })
  })

  it('waits for a kernel that is a promise', async () => {
    const job = preparedJob({
      js: 'export default async ({ unit }) => { await Promise.resolve(); return { value: new Uint32Array([unit + 1]) } }'
    })
    expect((await runUnits(js, job, 0, 2)).map(u32)).toEqual([1, 2])
  })

  it('reports a syntax error with its line for every unit', async () => {
    const outcomes = await runUnits(js, preparedJob({ js: 'const a = 1\nexport default () => {\n  let let = 2\n}' }), 0, 3)
    expect(outcomes).toHaveLength(3)
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ ok: false, reason: 'compile_error', message: expect.stringContaining('line 3: ') as string })
  })

  it('hides what the browser sandbox hides', async () => {
    const job = preparedJob({
      js: kernel(
        'return { value: new Uint32Array([Number([typeof Date, typeof fetch, typeof process, typeof require, typeof performance].every((t) => t === "undefined"))]) }'
      )
    })
    expect(u32((await runUnits(js, job, 0, 1))[0])).toBe(1)
  })

  it('computes in WASM with sorted, spread parameters, and survives a trap and an error code', async () => {
    const job = preparedJob({
      wasm: wasmKernel(),
      params: { z: 100, a: [10, 0] },
      inputs: [{ name: 'data', type: 'u32', bytes: new Uint8Array(new Uint32Array([1, 2, 3]).buffer) }]
    })
    const outcomes = await runUnits(wasm, job, 0, 7)
    expect([0, 1, 2, 5, 6].map((unit) => u32(outcomes[unit]))).toEqual([106, 116, 126, 156, 166])
    expect(outcomes[3]).toMatchObject({ ok: false, reason: 'runtime_error', message: expect.stringContaining('unreachable') as string })
    expect(outcomes[4]).toMatchObject({ ok: false, reason: 'runtime_error', message: 'compute returned 7' })
  })

  it('keeps a WASM module under the memory that the job allows', async () => {
    const job = preparedJob({ wasm: wasmKernel(), limits: { memoryBytes: 65_535 } })
    expect((await runUnits(wasm, job, 0, 1))[0]).toMatchObject({ ok: false, reason: 'out_of_memory' })
    const large = preparedJob({
      wasm: wasmKernel(),
      params: { a: 1 },
      inputs: [{ name: 'data', type: 'u8', bytes: new Uint8Array(200_000) }],
      limits: { memoryBytes: 131_072 }
    })
    expect((await runUnits(wasm, large, 0, 1))[0]).toMatchObject({ ok: false, reason: 'out_of_memory' })
  })

  it('refuses bytes that are no WASM', async () => {
    expect((await runUnits(wasm, preparedJob({ wasm: new Uint8Array([1, 2, 3, 4]) }), 0, 1))[0]).toMatchObject({
      ok: false,
      reason: 'compile_error'
    })
  })

  it('says which blob is missing', async () => {
    const job = preparedJob({ js: kernel('return {}') })
    expect((await runUnits(js, { ...job, blobs: new Map() }, 0, 1))[0]).toMatchObject({ ok: false, reason: 'missing_blob' })
  })

  it('kills its processes and rejects when the signal aborts', async () => {
    const job = preparedJob({ js: kernel('while (unit === 1) {}\nreturn { value: new Uint32Array([unit]) }') })
    const abort = new AbortController()
    const outcomes: UnitOutcome[] = []
    const running = js.run(
      { job, start: 0, count: 2 },
      {
        outcome(outcome) {
          outcomes.push(outcome)
          abort.abort(new Error('paused'))
        }
      },
      abort.signal
    )
    await expect(running).rejects.toThrow('paused')
    expect(outcomes.map((outcome) => outcome.unit)).toEqual([0])
    expect((await runUnits(js, job, 2, 2)).map(u32)).toEqual([2, 3])
  })

  it('runs only the reviewed kernels where there is no cage', async () => {
    const worker = await nodeCpuWorker({ kind: 'js', slots: 1, cage: null })
    expect(await runUnits(worker, preparedJob({ js: kernel('return {}') }), 0, 2)).toMatchObject([
      { reason: 'kernel_not_admitted' },
      { reason: 'kernel_not_admitted' }
    ])
    await worker.stop()
  })
})
