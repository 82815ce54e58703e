/** Child process of run-wgsl.ts: one request in, one answer out. A plain host of ABI 1, without the executor's budgets. */
import { create, globals } from 'webgpu'
import { makeShaderDataDefinitions, makeStructuredView } from 'webgpu-utils'
import { ELEMENT_BYTES, elementCount, KERNEL_GROUP, LAUNCH_BYTES, LAUNCH_GROUP, writeLaunch, type KernelPass } from '@peercompute/job-specs'
import type { WgslAnswer, WgslRequest } from './run-wgsl.ts'

Object.assign(globalThis, globals)

// Held by the module: Dawn for Node crashes (SIGSEGV, SIGABRT) when its instance is collected while a device still works.
const gpu = create([])

process.once('message', (request: WgslRequest) => {
  void answer(request)
    .catch((error: unknown): WgslAnswer => ({ failure: error instanceof Error ? error.message : String(error) }))
    // destroy() may block for ever in Dawn for Node: the process simply ends.
    .then((message) => process.send?.(message, () => process.exit(0)))
})

async function answer({ source, spec, inputs, units, slice }: WgslRequest): Promise<WgslAnswer> {
  const adapter = await gpu.requestAdapter()
  if (adapter === null) return { failure: 'no WebGPU adapter; is VK_DRIVER_FILES right?' }
  const device = await adapter.requestDevice()
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code: source })
  const messages = (await module.getCompilationInfo()).messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`)
  if (messages.length > 0) return { failure: messages.join('\n') }

  const definitions = makeShaderDataDefinitions(source)
  const paramsDefinition = definitions.uniforms['params']
  if (paramsDefinition === undefined) return { failure: 'no uniform "params"' }
  const paramsView = makeStructuredView(paramsDefinition)
  paramsView.set(spec.params)
  const { UNIFORM, STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage
  const filled = (bytes: ArrayBuffer, usage: number) => {
    const buffer = device.createBuffer({ size: bytes.byteLength, usage: usage | COPY_DST })
    device.queue.writeBuffer(buffer, 0, bytes)
    return buffer
  }
  const outputs = spec.outputs.map((output) => {
    const size = elementCount(output) * ELEMENT_BYTES[output.type]
    return { name: output.name, size, buffer: device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST }) }
  })
  const buffers = new Map([
    ['params', filled(paramsView.arrayBuffer, UNIFORM)],
    ...spec.inputs.map(({ name }, index) => [name, filled(Uint8Array.from(inputs[index] ?? []).buffer, STORAGE)] as const),
    ...outputs.map(({ name, buffer }) => [name, buffer] as const)
  ])
  const variables = { ...definitions.uniforms, ...definitions.storages }
  const entries = Object.entries(variables)
    .filter(([, { group }]) => group === KERNEL_GROUP)
    .map(([name, { binding }]) => {
      const buffer = buffers.get(name)
      if (buffer === undefined) throw new Error(`no buffer is named "${name}"`)
      return { binding, resource: { buffer } }
    })

  const pipelines = await Promise.all(
    (spec.kernel.wgsl?.passes ?? []).map(async (pass) => {
      const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: pass.entry } })
      const workgroup = workgroupSize(source, pass.entry)
      return { pass, pipeline, workgroup, group: device.createBindGroup({ layout: pipeline.getBindGroupLayout(KERNEL_GROUP), entries }) }
    })
  )

  const values: Uint8Array[] = []
  for (const unit of units) {
    const encoder = device.createCommandEncoder()
    for (const { buffer } of outputs) encoder.clearBuffer(buffer)
    for (const [passIndex, { pass, pipeline, workgroup, group }] of pipelines.entries()) {
      for (let repeat = 0; repeat < pass.repeat; repeat++) {
        for (const { offset, groups } of slices(pass.grid, workgroup, slice)) {
          const launch = new DataView(new ArrayBuffer(LAUNCH_BYTES))
          writeLaunch(launch, 0, { offset, size: pass.grid, passIndex, passCount: pipelines.length, unit, repeat })
          const launchGroup = device.createBindGroup({
            layout: pipeline.getBindGroupLayout(LAUNCH_GROUP),
            entries: [{ binding: 0, resource: { buffer: filled(launch.buffer, UNIFORM) } }]
          })
          const run = encoder.beginComputePass()
          run.setPipeline(pipeline)
          run.setBindGroup(LAUNCH_GROUP, launchGroup)
          run.setBindGroup(KERNEL_GROUP, group)
          run.dispatchWorkgroups(...groups)
          run.end()
        }
      }
    }
    const readback = device.createBuffer({ size: outputs.reduce((sum, { size }) => sum + size, 0), usage: COPY_DST | MAP_READ })
    let at = 0
    for (const { buffer, size } of outputs) {
      encoder.copyBufferToBuffer(buffer, 0, readback, at, size)
      at += size
    }
    device.queue.submit([encoder.finish()])
    await readback.mapAsync(GPUMapMode.READ)
    values.push(Uint8Array.from(new Uint8Array(readback.getMappedRange())))
    readback.destroy()
  }
  const error = await device.popErrorScope()
  return error === null ? { values, adapter: `${adapter.info.vendor} ${adapter.info.architecture}` } : { failure: error.message }
}

type Triple = readonly [number, number, number]

/** Cuts a grid into dispatches of whole workgroups, at most `most` along x and y: each invocation of the grid runs exactly once. */
function* slices(
  grid: KernelPass['grid'],
  workgroup: Triple,
  most: readonly [number, number]
): Generator<{ offset: Triple; groups: Triple }> {
  const [groupsX, groupsY, groupsZ] = [
    Math.ceil(grid[0] / workgroup[0]),
    Math.ceil(grid[1] / workgroup[1]),
    Math.ceil(grid[2] / workgroup[2])
  ]
  for (let y = 0; y < groupsY; y += most[1]) {
    for (let x = 0; x < groupsX; x += most[0]) {
      yield {
        offset: [x * workgroup[0], y * workgroup[1], 0],
        groups: [Math.min(most[0], groupsX - x), Math.min(most[1], groupsY - y), groupsZ]
      }
    }
  }
}

function workgroupSize(source: string, entry: string): Triple {
  const attribute = new RegExp(`@workgroup_size\\(([^)]*)\\)\\s+fn ${entry}\\b`).exec(source)?.[1]
  if (attribute === undefined) throw new Error(`no literal workgroup size before "${entry}"`)
  const [x = 1, y = 1, z = 1] = attribute.split(',').map(Number)
  return [x, y, z]
}
