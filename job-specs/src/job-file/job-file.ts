/**
 * `job.yaml`: how a person writes a job. It names files; the specification (job.ts) names their hashes.
 * Everything that a library kernel knows about itself may be left out.
 */
import { z } from 'zod'
import { elementTypes, identifierSchema, outputSchema, paramValueSchema, wasiSchema } from '../kernel.ts'
import { reducerSchema, viewSchema } from '../verification.ts'
import { limitsSchema, prioritySchema, requiresSchema, UNITS_MAX } from '../job.ts'
import { jobFilePathSchema } from './job-file-path.ts'
import { verificationFileSchema, verificationFiles } from './verification-file.ts'

export const JOB_FILE_VERSION = 1
export const JOB_FILE_MAX_BYTES = 131_072

const nameSchema = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and -, and start with a letter')

export const passFileSchema = z.strictObject({
  entry: identifierSchema.describe('Name of the compute entry point'),
  grid: z
    .array(
      z
        .int()
        .min(1)
        .max(1 << 24)
    )
    .min(1)
    .max(3)
    .describe('Invocations in x, y and z; missing ones are 1'),
  repeat: z.int().min(1).max(1_000_000).optional().describe('How often the pass is run; 1 unless given')
})

export const ownKernelSchema = z
  .strictObject({
    name: nameSchema.describe('Name of the kernel'),
    wgsl: z
      .strictObject({
        file: jobFilePathSchema.describe('WGSL module'),
        passes: z.array(passFileSchema).min(1).max(16).describe('Entry points in the order in which they run')
      })
      .optional()
      .describe('Version for WebGPU'),
    js: jobFilePathSchema.optional().describe('ES module without imports whose default export computes one unit'),
    wasm: jobFilePathSchema.optional().describe('WebAssembly module'),
    wasi: z
      .strictObject({
        file: jobFilePathSchema.describe('WebAssembly module of a program with a main function'),
        ...wasiSchema.partial({ arguments: true }).shape
      })
      .optional()
      .describe('WASI preview 1 program in place of a WebAssembly module: wasi.md explains it')
  })
  .superRefine((kernel, context) => {
    const { wgsl, js, wasm, wasi } = kernel
    const issue = (message: string) => {
      context.addIssue({ code: 'custom', message })
    }
    if ([wgsl, js, wasm, wasi].every((program) => program === undefined)) issue('must carry a program: wgsl, js, wasm or wasi')
    if (wasm !== undefined && wasi !== undefined) issue('carries both wasm and wasi: keep one')
  })
export type OwnKernel = z.infer<typeof ownKernelSchema>

const inputFileSchema = z.strictObject({
  name: identifierSchema.describe('Name by which the kernel reads it'),
  file: jobFilePathSchema.describe('Raw little-endian elements'),
  type: z.enum(elementTypes).describe('Type of one element')
})

export const jobFileSchema = z
  .strictObject({
    peercompute: z.literal(JOB_FILE_VERSION).describe('Version of this format'),
    name: nameSchema.describe('Short name of the job'),
    title: z.string().min(1).max(200).optional().describe('One line, shown to everyone; the name unless given'),
    description: z.string().max(4_000).optional().describe('Plain text for volunteers: what is it for'),
    researcher: z.string().max(200).optional().describe('Who asks, in their own words'),
    revision: z.int().min(1).max(1_000_000).optional().describe('Raise it to publish the same work again; 1 unless given'),
    kernel: z.union([nameSchema, ownKernelSchema]).describe('Name of a library kernel, or your own kernel'),
    params: z
      .record(identifierSchema, paramValueSchema)
      .refine((params) => Object.keys(params).length <= 64, 'has more than 64 entries')
      .optional()
      .describe('Numbers, or short lists of numbers, that every unit gets'),
    units: z.int().min(1).max(UNITS_MAX).optional().describe('How many work units; a library kernel knows it from its params'),
    inputs: z.array(inputFileSchema).max(8).optional().describe('Data that every unit may read'),
    outputs: z.array(outputSchema).min(1).max(8).optional().describe('What one unit returns; a library kernel knows it'),
    verification: verificationFileSchema.optional().describe('When a result is believed'),
    reduce: reducerSchema.optional().describe('What the finished units are folded into; nothing unless given'),
    view: viewSchema.optional().describe('How the result is drawn; a table unless given'),
    limits: limitsSchema.partial().optional().describe('What one unit may take'),
    requires: requiresSchema.optional().describe('What a device must have to be asked'),
    priority: prioritySchema.optional().describe('Among your own jobs, the highest goes first; 0 unless given'),
    unitOperations: z
      .number()
      .min(1)
      .max(1e15)
      .optional()
      .describe('Arithmetic operations of one unit, for estimates and credit; 1000000 unless given')
  })
  .superRefine((file, context) => {
    if (typeof file.kernel === 'string') return
    for (const field of ['units', 'outputs'] as const) {
      if (file[field] === undefined)
        context.addIssue({ code: 'custom', path: [field], message: 'is missing: a job with its own kernel must say it' })
    }
  })
export type JobFile = z.infer<typeof jobFileSchema>

/** JSON Schema (draft 2020-12) of the job file, for editors. Published as `job-specs/job.schema.json`. */
export function jobFileJsonSchema(): z.core.JSONSchema.JSONSchema {
  const { $schema, ...rest } = z.toJSONSchema(jobFileSchema, { io: 'input' })
  return { ...($schema === undefined ? {} : { $schema }), title: 'PeerCompute job file', ...rest }
}

/** Files that the job file names, each once: the kernel's programs, the verifier and the comparator, then the inputs. */
export function filesOf(file: JobFile): readonly string[] {
  const programs =
    typeof file.kernel === 'string' ? [] : [file.kernel.wgsl?.file, file.kernel.js, file.kernel.wasm ?? file.kernel.wasi?.file]
  const paths = [...programs, ...verificationFiles(file.verification ?? {}), ...(file.inputs ?? []).map((input) => input.file)]
  return [...new Set(paths.filter((path) => path !== undefined))]
}
