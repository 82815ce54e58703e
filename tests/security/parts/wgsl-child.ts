/** Runs WGSL behind the guard on the software adapter, in a process that can be killed when a kernel hangs after all. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { LAUNCH_WGSL, LAUNCH_BYTES } from '@peercompute/job-specs'
import { FUEL_WORDS, GUARD_WGSL, guardWgsl } from '@peercompute/worker-client/wgsl'
import { answerCommands } from '../../harness/child.ts'

export type GuardedEnd =
  | { readonly end: 'refused'; readonly message: string }
  | { readonly end: 'invalid'; readonly message: string }
  | { readonly end: 'ran'; readonly ranOut: boolean; readonly ms: number }

const USAGE = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 } as const
const VALUE_BYTES = 64

// A dependency of the volunteer's library, not of the tests.
const dawn = createRequire(import.meta.resolve('@peercompute/worker-client/wgsl')).resolve('webgpu')
const { create, globals } = (await import(pathToFileURL(dawn).href)) as typeof import('webgpu')
const gpu = create([])
// Its devices end with it: it must not be collected.
Object.assign(globalThis, globals, { gpu })
const adapter = await gpu.requestAdapter()
const device = await adapter?.requestDevice()

/** One dispatch of `main`, whose buffer `value` is binding 0 of group 1. */
async function run({ text, fuel }: { readonly text: string; readonly fuel: number }): Promise<GuardedEnd> {
  if (device === undefined) throw new Error('There is no WebGPU adapter')
  const guarded = guardWgsl(text, {})
  if ('reason' in guarded) return { end: 'refused', message: guarded.message }
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code: LAUNCH_WGSL + (guarded.fuelled ? GUARD_WGSL : '') + guarded.code })
  const { messages } = await module.getCompilationInfo()
  const error = messages.find(({ type }) => type === 'error')
  if (error !== undefined) {
    await device.popErrorScope()
    return { end: 'invalid', message: error.message }
  }
  const buffer = (size: number, usage: number): GPUBuffer => device.createBuffer({ size, usage })
  const guard = buffer(16, USAGE.storage | USAGE.copyDst | USAGE.copySrc)
  device.queue.writeBuffer(guard, 0, new Uint32Array([fuel, 0, 0, 0]))
  const platform = device.createBindGroupLayout({
    entries: [
      { binding: 0, visibility: 4, buffer: { type: 'uniform' } },
      { binding: 1, visibility: 4, buffer: { type: 'storage' } }
    ]
  })
  const kernel = device.createBindGroupLayout({ entries: [{ binding: 0, visibility: 4, buffer: { type: 'storage' } }] })
  const layout = device.createPipelineLayout({ bindGroupLayouts: [platform, kernel] })
  const pipeline = await device.createComputePipelineAsync({ layout, compute: { module, entryPoint: 'main' } })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: platform,
      entries: [
        { binding: 0, resource: { buffer: buffer(LAUNCH_BYTES, USAGE.uniform) } },
        { binding: 1, resource: { buffer: guard } }
      ]
    })
  )
  const value = buffer(VALUE_BYTES, USAGE.storage)
  pass.setBindGroup(1, device.createBindGroup({ layout: kernel, entries: [{ binding: 0, resource: { buffer: value } }] }))
  pass.dispatchWorkgroups(1)
  pass.end()
  const words = buffer(16, USAGE.mapRead | USAGE.copyDst)
  encoder.copyBufferToBuffer(guard, 0, words, 0, 16)
  const started = performance.now()
  device.queue.submit([encoder.finish()])
  await words.mapAsync(1)
  const ranOut = new Uint32Array(words.getMappedRange())[FUEL_WORDS.ranOut] === 1
  const invalid = await device.popErrorScope()
  if (invalid !== null) throw new Error(invalid.message)
  return { end: 'ran', ranOut, ms: performance.now() - started }
}

const commands = { run }
export type WgslChild = typeof commands
answerCommands(commands)
