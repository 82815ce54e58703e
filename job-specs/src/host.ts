/** What a host can do, as it says itself. Nothing in here is believed for credit; it only decides what is offered. */
import { z } from 'zod'
import { executorKindSchema } from './kernel.ts'

/**
 * Hosts whose floats may be compared strictly: a label derived from probe results, such as `js-fdlibm`,
 * `webgpu-swiftshader-156`. Equal labels are comparable only under equal `probeVersion`.
 */
export const numericClassSchema = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/)
export const PROBE_VERSION = 2

/** Measured speed of one slot of an executor: small loops of floating-point and of 32-bit integer arithmetic, and memory read and written. */
export const benchmarkSchema = z.strictObject({
  floatPerSecond: z.number().min(0).max(1e18),
  integerPerSecond: z.number().min(0).max(1e18),
  bytesPerSecond: z.number().min(0).max(1e18)
})
export type Benchmark = z.infer<typeof benchmarkSchema>

export const executorSchema = z.strictObject({
  kind: executorKindSchema,
  /** Units that it computes at the same time. */
  slots: z.int().min(1).max(1024),
  numericClass: numericClassSchema,
  probeVersion: z.int().min(1).max(1_000_000),
  /** WebGPU features and limits that a job may demand. Empty for CPU executors. */
  features: z.array(z.string().max(64)).max(64),
  /** WebGPU limits of the adapter by name. Absent: none are known, and jobs that demand one go elsewhere. */
  limits: z
    .record(z.string().max(64), z.number().min(0).max(Number.MAX_SAFE_INTEGER))
    .refine((limits) => Object.keys(limits).length <= 64, 'has at most 64 entries')
    .optional(),
  /** A software adapter computes on the CPU and is shown and credited as such. */
  software: z.boolean(),
  /** Measured operations per second, for estimates. */
  operationsPerSecond: z.number().min(0).max(1e18),
  /** Absent where it was not measured. */
  benchmark: benchmarkSchema.optional()
})
export type Executor = z.infer<typeof executorSchema>

/** Optional abilities, negotiated in the hello. Unknown names are ignored. */
export const capabilities = ['checkpoint', 'cancel', 'renew', 'proof-of-work'] as const
export const capabilitySchema = z.string().max(32)

export const hostDescriptionSchema = z.strictObject({
  /** Program and version, e.g. `peercompute/0.1.0 chromium/156`. */
  agent: z.string().max(128),
  executors: z.array(executorSchema).min(1).max(8),
  memoryBytes: z
    .int()
    .min(0)
    .max(2 ** 50)
})
export type HostDescription = z.infer<typeof hostDescriptionSchema>
