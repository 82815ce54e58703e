/** From a job's WGSL to the plan that the runner follows: buffers by name, passes in workgroups. Runs in the page or in Node. */
import { ELEMENT_BYTES, KERNEL_GROUP, LAUNCH_GROUP, LAUNCH_WGSL, type ElementType, type JobSpec } from '@peercompute/job-specs'
import { makeShaderDataDefinitions, type ShaderDataDefinitions, type TypeDefinition, type VariableDefinition } from 'webgpu-utils'
import type { PreparedJob } from '../compute-worker.ts'
import { blobText, taskInputs, type TaskInput } from '../cpu/cpu-task.ts'
import { layoutBytes, layoutOf } from '../pool/unit-value.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import type { GpuBuffer, GpuPass, GpuTask } from './gpu-task.ts'
import { packParams } from './kernel-params.ts'
import { moduleWithHead } from './module-head.ts'
import { wantedFeatures } from './wanted-features.ts'
import { guardWgsl } from './wgsl/guard-wgsl.ts'
import { withoutComments, workgroupSize } from './workgroup-size.ts'

/** The plan of a job, or why there is none. Misfits between job and WGSL are in `problem`. */
export function gpuTask(job: PreparedJob): GpuTask | Refusal {
  const { spec } = job
  const reference = spec.kernel.wgsl
  if (reference === undefined) return { reason: 'compile_error', message: `The kernel "${spec.kernel.name}" has no WGSL program` }
  const text = blobText(job, reference.blob.sha256)
  if (typeof text !== 'string') return text
  const inputs = taskInputs(job)
  if ('reason' in inputs) return inputs
  const guarded = guardWgsl(text, spec.params)
  if ('reason' in guarded) return guarded
  const task = {
    job: job.id,
    ...moduleWithHead(guarded.code, guarded.fuelled),
    fuelled: guarded.fuelled,
    features: wantedFeatures(spec, guarded.code),
    limits: spec.requires?.limits ?? {},
    unitMs: spec.limits.unitSeconds * 1_000
  }
  // What is compiled is what is read, without comments, and without directives and blanks, of which the reflection knows not all forms.
  const readable = guarded.code
    .replace(/[\v\f\u0085\u200e\u200f\u2028\u2029]/gu, ' ')
    .replace(/^\s*(?:enable|requires|diagnostic)\b[^;]*;/gm, '')
  const plan = planOf(spec, readable, inputs)
  return typeof plan === 'string' ? { ...task, problem: plan, buffers: [], outputs: [], passes: [] } : { ...task, problem: null, ...plan }
}

function reflect(text: string): ShaderDataDefinitions | string {
  // webgpu-utils reads this constant from the global scope, where only a browser with WebGPU has it.
  if (!('GPUShaderStage' in globalThis))
    Object.defineProperty(globalThis, 'GPUShaderStage', { value: { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 }, configurable: true })
  try {
    return makeShaderDataDefinitions(LAUNCH_WGSL + text)
  } catch (error) {
    return `The declarations cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

function planOf(spec: JobSpec, text: string, inputs: readonly TaskInput[]): Pick<GpuTask, 'buffers' | 'outputs' | 'passes'> | string {
  const definitions = reflect(text)
  if (typeof definitions === 'string') return definitions
  const misplaced = misplacedVariable(definitions)
  if (misplaced !== null) return misplaced
  const plain = withoutComments(text)
  const buffers: GpuBuffer[] = []
  const { params } = definitions.uniforms
  if (params !== undefined) {
    const data = packParams(params, spec.params)
    if (typeof data === 'string') return data
    buffers.push({ binding: params.binding, access: 'uniform', bytes: data.byteLength, data })
  }
  for (const [name, definition] of Object.entries(definitions.storages)) {
    const buffer = storageBuffer(name, definition, plain, spec, inputs)
    if (typeof buffer === 'string') return buffer
    buffers.push(buffer)
  }
  const outputs: { layout: GpuTask['outputs'][number]['layout']; binding: number }[] = []
  for (const layout of layoutOf(spec.outputs)) {
    const definition = definitions.storages[layout.name]
    if (definition === undefined) return `The output "${layout.name}" is no storage variable of the kernel`
    outputs.push({ layout, binding: definition.binding })
  }
  const missing = spec.inputs.find((input) => definitions.storages[input.name] === undefined)
  if (missing !== undefined) return `The input "${missing.name}" is no storage variable of the kernel`
  const passes = planPasses(spec, plain, definitions)
  return typeof passes === 'string' ? passes : { buffers, outputs, passes }
}

function misplacedVariable({
  uniforms,
  storages,
  textures,
  storageTextures,
  externalTextures,
  samplers
}: ShaderDataDefinitions): string | null {
  for (const [name, { group }] of Object.entries({ ...textures, ...storageTextures, ...externalTextures, ...samplers })) {
    return `The kernel binds "${name}" in group ${group}; only buffers are given`
  }
  for (const [name, { group }] of Object.entries({ ...uniforms, ...storages })) {
    if (name === 'launch' && group === LAUNCH_GROUP) continue
    if (group !== KERNEL_GROUP) return `The kernel binds "${name}" in group ${group}; its variables belong in group ${KERNEL_GROUP}`
  }
  const other = Object.keys(uniforms).find((name) => name !== 'launch' && name !== 'params')
  return other === undefined ? null : `The kernel has the uniform "${other}"; only "params" is given`
}

/** The scalar of an array, a vector or an atomic; null for structs. */
function scalarOf(type: TypeDefinition): string | null {
  if ('elementType' in type) return scalarOf(type.elementType as TypeDefinition)
  if (!('type' in type) || typeof type.type !== 'string') return null
  const name = /<(\w+)>$/.exec(type.type)?.[1] ?? type.type
  const suffix = /^(?:vec\d|mat\dx\d)([fiuh])$/.exec(name)?.[1]
  return suffix === undefined ? name : suffix === 'h' ? 'f16' : `${suffix}32`
}

/** WGSL has no bytes and no doubles: bytes are read as packed u32. */
function typeMisfit(name: string, type: ElementType, definition: VariableDefinition): string | null {
  const wanted = type === 'u8' ? 'u32' : type
  const scalar = scalarOf(definition.typeDefinition)
  if (scalar === null || scalar === wanted) return null
  return `"${name}" is ${type} in the job and ${scalar} in the kernel${type === 'f64' ? '; WGSL has no f64' : ''}`
}

function storageBuffer(
  name: string,
  definition: VariableDefinition,
  plain: string,
  spec: JobSpec,
  inputs: readonly TaskInput[]
): GpuBuffer | string {
  const writable = new RegExp(String.raw`var\s*<\s*storage\s*,\s*read_write\s*>\s*${name}\b`).test(plain)
  const input = inputs.find((candidate) => candidate.name === name)
  const output = layoutOf(spec.outputs).find((candidate) => candidate.name === name)
  const type = input?.type ?? output?.type
  const misfit = type === undefined ? null : typeMisfit(name, type, definition)
  if (misfit !== null) return misfit
  if (output !== undefined && !writable) return `The output "${name}" must be declared var<storage, read_write>`
  if (input !== undefined && writable) return `The input "${name}" must be declared var<storage, read>: it is the same for all units`
  if (type === undefined && definition.size === 0) return `The scratch buffer "${name}" needs a size: array<T, N>`
  const declared = input?.bytes.byteLength ?? (output === undefined ? definition.size : layoutBytes(output))
  const bytes = Math.max(4, Math.ceil(declared / 4) * 4)
  if (definition.size !== 0 && definition.size !== bytes)
    return `"${name}" has ${declared} bytes in the job and ${definition.size} in the kernel`
  if (type === 'f64' || (type !== undefined && declared % ELEMENT_BYTES[type] !== 0))
    return `"${name}" has ${declared} bytes, which is no whole number of ${type}`
  let data: Uint8Array<ArrayBuffer> | null = null
  if (input !== undefined) {
    data = new Uint8Array(bytes)
    data.set(input.bytes)
  }
  return { binding: definition.binding, access: writable ? 'storage' : 'read-only-storage', bytes, data }
}

function planPasses(spec: JobSpec, plain: string, definitions: ShaderDataDefinitions): GpuPass[] | string {
  const passes: GpuPass[] = []
  for (const { entry, grid, repeat } of spec.kernel.wgsl?.passes ?? []) {
    if (definitions.entryPoints[entry] === undefined) return `The kernel has no entry point "${entry}"`
    const workgroup = workgroupSize(plain, entry)
    if (typeof workgroup === 'string') return workgroup
    const [x, y, z] = workgroup
    passes.push({ entry, grid, repeat, workgroup, groups: [Math.ceil(grid[0] / x), Math.ceil(grid[1] / y), Math.ceil(grid[2] / z)] })
  }
  return passes
}
