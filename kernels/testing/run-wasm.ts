/** Runs a kernel's WebAssembly by the ABI of src/manifest.ts. */
import { ELEMENT_BYTES, elementCount } from '@peercompute/job-specs'
import type { TestJob, UnitRunner } from './test-job.ts'

const PAGE = 65_536

interface KernelExports {
  readonly alloc: (bytes: number) => number
  readonly compute: (unit: number, params: number, inputs: number, outputs: number) => number
}

/** The exports of ABI 1. Throws TypeError when one is missing; WebAssembly itself makes them take and give numbers. */
export function kernelExports({ exports }: WebAssembly.Instance): KernelExports {
  const call = (name: string, ...values: readonly number[]) => {
    const exported = exports[name]
    if (typeof exported !== 'function') throw new TypeError(`Cannot call ${name}: it is not exported`)
    return Number(Reflect.apply(exported, undefined, values))
  }
  return { alloc: (bytes) => call('alloc', bytes), compute: (...values) => call('compute', ...values) }
}

export async function wasmRunner({ spec, bytesOf }: TestJob): Promise<UnitRunner> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: Math.floor(spec.limits.memoryBytes / PAGE) })
  const { instance } = await WebAssembly.instantiate(Uint8Array.from(bytesOf(spec.kernel.wasm?.blob)), { env: { memory } })
  const program = kernelExports(instance)
  const place = (bytes: number) => {
    const at = program.alloc(bytes)
    if (at === 0) throw new RangeError(`Cannot run ${spec.name}: no memory for ${bytes} bytes`)
    return at
  }
  const view = () => new DataView(memory.buffer)
  const pairs = (buffers: readonly (readonly [number, number])[]) => {
    const at = place(buffers.length * 8)
    buffers.forEach(([pointer, bytes], index) => {
      view().setUint32(at + index * 8, pointer, true)
      view().setUint32(at + index * 8 + 4, bytes, true)
    })
    return at
  }

  const values = Object.keys(spec.params)
    .sort()
    .flatMap((name) => spec.params[name] ?? [])
  const params = place(values.length * 8)
  values.forEach((value, index) => {
    view().setFloat64(params + index * 8, value, true)
  })
  const inputs = pairs(
    spec.inputs.map(({ blob }) => {
      const bytes = bytesOf(blob)
      const at = place(bytes.length)
      new Uint8Array(memory.buffer).set(bytes, at)
      return [at, bytes.length] as const
    })
  )
  const results = spec.outputs
    .map((output) => elementCount(output) * ELEMENT_BYTES[output.type])
    .map((bytes) => [place(bytes), bytes] as const)
  const outputs = pairs(results)

  return (unit) => {
    // Poisoned, so that an element left unwritten shows.
    for (const [at, bytes] of results) new Uint8Array(memory.buffer, at, bytes).fill(0xa5)
    const code = program.compute(unit, params, inputs, outputs)
    if (code !== 0) throw new Error(`Cannot run ${spec.name}: compute returned ${code} for unit ${unit}`)
    return Uint8Array.from(results.flatMap(([at, bytes]) => [...new Uint8Array(memory.buffer, at, bytes)]))
  }
}
