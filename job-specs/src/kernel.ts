/**
 * What a researcher's program looks like to the platform (ABI 1). `docs/PROTOCOL.md` §Kernels is the prose form.
 *
 * WGSL: group 0 belongs to the platform (`launch` at binding 0, see launch.ts). The kernel puts its uniform `params`
 *   and its storage buffers in group 1, by name: an input or output of the spec is the storage variable of that name,
 *   any other storage variable is a scratch buffer that persists between passes.
 * JavaScript: an ES module without imports whose default export is
 *   `({ unit, params, inputs, signal, progress, checkpoint, resume }) => outputs`, outputs by name as typed arrays. `progress(fraction)`
 *   tells the finished part; `checkpoint(state)` saves plain data at most once in two seconds, `resume` is what was saved last. `signal`
 *   is for what takes an AbortSignal; it never aborts, because a unit that is withdrawn ends with its whole program.
 * WASM: imports `env.memory`; exports `alloc(bytes) -> ptr`, `compute(unit: f64, params: ptr, inputs: ptr, outputs: ptr) -> i32`,
 *   where the three pointers lead to arrays: f64 parameters by sorted name (vectors spread), then u32 (pointer, byte length) pairs
 *   in declared order. `compute` returns 0 when all is well; `alloc` returns 0 when there is no memory.
 *   It may import `env.progress(fraction: f64)` and `env.checkpoint(ptr, bytes)`, which saves these bytes at most once in two seconds,
 *   and export `resume(ptr, bytes) -> i32`, called before `compute` with what was saved last; 0 when it goes on from there.
 * WASI preview 1 (`wasm.wasi`): a program with `_start`, run once for each unit. It gets `arguments`, `stdin` and the job's inputs as
 *   read-only files `/in/NAME`; an output is a file `/out/NAME`, or what was written to standard output. Clock and randomness are
 *   the unit's alone, so that every volunteer computes the same bytes. Exit code 0 when all is well.
 */
import { z } from 'zod'
import { blobRefSchema } from './blob.ts'

export const KERNEL_ABI = 1

export const elementTypes = ['u8', 'i32', 'u32', 'f32', 'f64'] as const
export type ElementType = (typeof elementTypes)[number]
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = { u8: 1, i32: 4, u32: 4, f32: 4, f64: 8 }

export const identifierSchema = z
  .string()
  .regex(/^[a-z][a-zA-Z0-9_]{0,31}$/, 'must start with a lower-case letter and have at most 32 letters, digits or _')

/** A numeric kernel parameter or a short vector of them. */
export const paramValueSchema = z.union([z.number(), z.array(z.number()).min(1).max(64)])
export type ParamValue = z.infer<typeof paramValueSchema>

export const outputSchema = z.strictObject({
  name: identifierSchema,
  type: z.enum(elementTypes),
  /** Extent of each dimension, slowest first. The product times the element size is bounded by `limits.outputBytes`. */
  shape: z
    .array(
      z
        .int()
        .min(1)
        .max(1 << 24)
    )
    .min(1)
    .max(4)
})
export type OutputSpec = z.infer<typeof outputSchema>

export const inputSchema = z.strictObject({
  name: identifierSchema,
  type: z.enum(elementTypes),
  blob: blobRefSchema
})
export type InputSpec = z.infer<typeof inputSchema>

export const passSchema = z.strictObject({
  entry: identifierSchema,
  /** Thread grid of the pass, in invocations: x, y, z. The runtime rounds up to whole workgroups and may slice it. */
  grid: z.tuple([
    z
      .int()
      .min(1)
      .max(1 << 24),
    z.int().min(1).max(65_535),
    z.int().min(1).max(65_535)
  ]),
  repeat: z.int().min(1).max(1_000_000)
})
export type KernelPass = z.infer<typeof passSchema>

/** Where a WASI program leaves an output. `text`: decimal numbers parted by blanks or commas; `binary`: raw little-endian elements. */
export const wasiOutputSchema = z.strictObject({
  from: z.enum(['stdout', 'file']).describe('Standard output, or the file /out/NAME'),
  as: z.enum(['text', 'binary']).describe('Decimal numbers parted by blanks or commas, or raw little-endian elements')
})

export const WASI_ARGUMENTS_MAX = 64

/**
 * How a WASI program is called. In arguments and environment `{unit}` stands for the unit's number, `{seed}` for its 32-bit seed
 * and `{params.NAME}` for a parameter (a vector's numbers parted by commas); `{{` is a brace.
 */
export const wasiSchema = z.strictObject({
  arguments: z.array(z.string().max(1_024)).max(WASI_ARGUMENTS_MAX).describe('What follows the name of the program on its command line'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/), z.string().max(1_024))
    .refine((env) => Object.keys(env).length <= 32, 'has at most 32 entries')
    .optional()
    .describe('Environment variables; none unless given'),
  stdin: z
    .union([
      z.strictObject({ text: z.string().max(16_384).describe('Text with placeholders') }),
      z.strictObject({ input: identifierSchema.describe('Name of an input') })
    ])
    .optional()
    .describe('What the program reads on standard input; nothing unless given'),
  outputs: z.record(identifierSchema, wasiOutputSchema).optional().describe('Where each output is that is not a binary file of its name')
})
export type Wasi = z.infer<typeof wasiSchema>

export const kernelSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and -'),
  abi: z.literal(KERNEL_ABI),
  wgsl: z.strictObject({ blob: blobRefSchema, passes: z.array(passSchema).min(1).max(16) }).optional(),
  js: z.strictObject({ blob: blobRefSchema }).optional(),
  wasm: z.strictObject({ blob: blobRefSchema, wasi: wasiSchema.optional() }).optional()
})
export type KernelRef = z.infer<typeof kernelSchema>

/** How a kernel is run on a host. `wasm` and `js` both use the CPU but are separate programs, so they count as two executors. */
export const executorKinds = ['webgpu', 'wasm', 'js'] as const
export const executorKindSchema = z.enum(executorKinds)
export type ExecutorKind = z.infer<typeof executorKindSchema>

/** Executors for which the kernel carries a program. */
export function kernelExecutors(kernel: KernelRef): readonly ExecutorKind[] {
  return [
    ...(kernel.wgsl ? (['webgpu'] as const) : []),
    ...(kernel.wasm ? (['wasm'] as const) : []),
    ...(kernel.js ? (['js'] as const) : [])
  ]
}

export function elementCount(output: OutputSpec): number {
  return output.shape.reduce((product, extent) => product * extent, 1)
}

/** Size of one unit's value: the outputs in declared order, little-endian, without padding. */
export function unitValueBytes(outputs: readonly OutputSpec[]): number {
  return outputs.reduce((sum, output) => sum + elementCount(output) * ELEMENT_BYTES[output.type], 0)
}
