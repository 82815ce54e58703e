/** Runs a kernel's JavaScript from its bytes, without a sandbox: for the reviewed kernels of this library only. */
import { unitValue, typedArray } from './unit-value.ts'
import type { TestJob, UnitRunner } from './test-job.ts'

export async function javaScriptRunner({ spec, bytesOf }: TestJob): Promise<UnitRunner> {
  const source = Buffer.from(bytesOf(spec.kernel.js?.blob)).toString('base64')
  const module: unknown = await import(/* @vite-ignore */ `data:text/javascript;base64,${source}`)
  const compute = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (typeof compute !== 'function') throw new TypeError(`Cannot run ${spec.name}: no default export`)
  const inputs = Object.fromEntries(spec.inputs.map(({ name, type, blob }) => [name, typedArray(type, bytesOf(blob))]))
  const { signal } = new AbortController()
  return (unit) => {
    const request = { unit, params: spec.params, inputs, signal, progress: () => undefined, checkpoint: () => undefined }
    const outputs: unknown = Reflect.apply(compute, undefined, [request])
    if (typeof outputs !== 'object' || outputs === null) throw new TypeError(`Cannot run ${spec.name}: it returned no outputs`)
    return unitValue(spec.outputs, { ...outputs })
  }
}
