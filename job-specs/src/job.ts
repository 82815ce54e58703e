/** The job specification: everything that decides what is computed and when it is believed. Hashing it gives the job's id. */
import { z } from 'zod'
import { estimateIssues } from './estimate-issues.ts'
import { inputSchema, kernelSchema, outputSchema, paramValueSchema, identifierSchema, kernelExecutors, unitValueBytes } from './kernel.ts'
import { reducerSchema, verificationSchema, viewSchema } from './verification.ts'
import { CAGE_PROGRAM_MAX_BYTES, verifierIssues } from './verifier-issues.ts'
import { wasiIssues } from './wasi-issues.ts'

export const UNITS_MAX = 1_000_000_000_000
export const SPEC_MAX_BYTES = 65_536
/** One unit's value must fit into one report frame. */
export const UNIT_VALUE_MAX_BYTES = 1_048_576

export const limitsSchema = z.strictObject({
  /** Wall-clock seconds that one unit may take on a slow host before it is stopped. */
  unitSeconds: z.number().min(0.1).max(86_400),
  /** Most bytes that one unit may return. */
  outputBytes: z.int().min(1).max(UNIT_VALUE_MAX_BYTES),
  memoryBytes: z.int().min(1).max(4_294_967_296)
})

/** What a host must have. Features and limits are those of WebGPU; they bind only its executor. */
export const requiresSchema = z.strictObject({
  features: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be the name of a WebGPU feature, such as shader-f16'))
    .max(16)
    .optional(),
  /** Least values; of a name that begins with `min` (an alignment) the greatest. */
  limits: z
    .record(
      z.string().regex(/^[a-z][a-zA-Z0-9]{0,63}$/, 'must be the name of a WebGPU limit, such as maxBufferSize'),
      z.number().min(0).max(Number.MAX_SAFE_INTEGER)
    )
    .refine((limits) => Object.keys(limits).length <= 16, 'has at most 16 entries')
    .optional(),
  /** What the numeric class must begin with, e.g. `webgpu-` or `js-fdlibm`. */
  numericClass: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'must be the beginning of a numeric class: lower-case letters, digits, dots and -')
    .optional()
})
export type Requires = z.infer<typeof requiresSchema>

export const PRIORITY_MAX = 10
/** Among the jobs of one researcher: the highest goes first. Absent: 0. */
export const prioritySchema = z.int().min(-PRIORITY_MAX).max(PRIORITY_MAX)

export const jobSpecSchema = z
  .strictObject({
    v: z.literal(1),
    name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and -'),
    title: z.string().min(1).max(200),
    /** Plain text, shown to volunteers: what is it for. */
    description: z.string().max(4_000),
    /** Who asks, in their own words. */
    researcher: z.string().max(200),
    /** Publish the same work again under another id by raising it. */
    revision: z.int().min(1).max(1_000_000),
    kernel: kernelSchema,
    params: z.record(identifierSchema, paramValueSchema).refine((params) => Object.keys(params).length <= 64, 'has at most 64 entries'),
    unitCount: z.int().min(1).max(UNITS_MAX),
    inputs: z.array(inputSchema).max(8),
    outputs: z.array(outputSchema).min(1).max(8),
    verification: verificationSchema,
    reduce: reducerSchema,
    view: viewSchema.optional(),
    limits: limitsSchema,
    /** Optional, like `priority`, so that the ids of jobs of before they existed stay what they were. */
    requires: requiresSchema.optional(),
    priority: prioritySchema.optional(),
    /** Floating-point (or integer) operations of one unit, from the kernel's cost model. Credit and estimates start from it. */
    unitOperations: z.number().min(1).max(1e15)
  })
  .superRefine((spec, context) => {
    const issue = (path: (string | number)[], message: string) => {
      context.addIssue({ code: 'custom', path, message })
    }
    if (kernelExecutors(spec.kernel).length === 0) issue(['kernel'], 'must carry a program: wgsl, js or wasm')
    for (const { path, message } of wasiIssues(spec)) issue(['kernel', 'wasm', 'wasi', ...path], message)
    const names = [...spec.inputs, ...spec.outputs].map((buffer) => buffer.name)
    if (new Set(names).size !== names.length) issue(['outputs'], 'input and output names must differ from each other')
    const bytes = unitValueBytes(spec.outputs)
    if (bytes > spec.limits.outputBytes)
      issue(['outputs'], `take ${bytes} bytes a unit, more than limits.outputBytes (${spec.limits.outputBytes})`)
    const outputNames = new Set(spec.outputs.map((output) => output.name))
    const reduced = spec.outputs.find((output) => spec.reduce.kind === 'sum' && output.name === spec.reduce.output)
    if (reduced?.type === 'f32' || reduced?.type === 'f64')
      issue(['reduce', 'output'], `sums "${reduced.name}", which must be of an integer type to be exact`)
    if (spec.reduce.kind !== 'none' && !outputNames.has(spec.reduce.output))
      issue(['reduce', 'output'], `names "${spec.reduce.output}", which is not an output`)
    if (spec.view && spec.view.kind !== 'number' && !outputNames.has(spec.view.output))
      issue(['view', 'output'], `names "${spec.view.output}", which is not an output`)
    for (const { path, message } of estimateIssues(spec.verification.comparator, spec.outputs))
      issue(['verification', 'comparator', 'estimates', ...path], message)
    const { verification } = spec
    if (verification.policy === 'verifier')
      for (const { path, message } of verifierIssues(verification.verify, spec)) issue(['verification', 'verify', ...path], message)
    if (verification.comparator.kind === 'custom' && verification.comparator.js.bytes > CAGE_PROGRAM_MAX_BYTES)
      issue(
        ['verification', 'comparator', 'js'],
        `has ${verification.comparator.js.bytes} bytes, and ${CAGE_PROGRAM_MAX_BYTES} are allowed`
      )
    if ('quorum' in verification && verification.maxResults < verification.quorum)
      issue(['verification', 'maxResults'], 'must be at least the quorum')
  })
export type JobSpec = z.infer<typeof jobSpecSchema>

export const jobStates = ['queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'retired'] as const
export const jobStateSchema = z.enum(jobStates)
export type JobState = z.infer<typeof jobStateSchema>
