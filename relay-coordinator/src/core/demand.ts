/** What a job needs of a host, and whether a host has it. Jobs with equal demands share a queue. */
import type { Executor, ExecutorKind, JobSpec } from '@peercompute/job-specs'

export interface Demand {
  /** Equal for equal demands. */
  readonly key: string
  readonly features: readonly string[]
  readonly limits: readonly (readonly [string, number])[]
  /** Prefix of the numeric class; empty: any. */
  readonly numericClass: string
  readonly memoryBytes: number
}

export type Lack =
  | { readonly what: 'feature'; readonly name: string }
  | { readonly what: 'limit'; readonly name: string; readonly needed: number; readonly there: number }
  | { readonly what: 'class'; readonly needed: string; readonly there: string }
  | { readonly what: 'memory'; readonly needed: number; readonly there: number }

const demands = new WeakMap<JobSpec, Map<ExecutorKind, Demand>>()

/** Features and limits are WebGPU's: they bind no other executor. */
export function demandOf(spec: JobSpec, kind: ExecutorKind): Demand {
  const known = demands.get(spec) ?? new Map<ExecutorKind, Demand>()
  demands.set(spec, known)
  const before = known.get(kind)
  if (before !== undefined) return before
  const { requires, limits } = spec
  const gpu = kind === 'webgpu'
  const parts = {
    features: gpu ? [...(requires?.features ?? [])].sort() : [],
    limits: gpu ? Object.entries(requires?.limits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)) : [],
    numericClass: requires?.numericClass ?? '',
    memoryBytes: limits.memoryBytes
  }
  const demand = { ...parts, key: JSON.stringify(parts) }
  known.set(kind, demand)
  return demand
}

/** The first thing that the host lacks; null when it has everything. `memoryBytes` 0: unknown, and taken to be enough. */
export function lackOf(demand: Demand, executor: Executor, memoryBytes: number): Lack | null {
  for (const name of demand.features) if (!executor.features.includes(name)) return { what: 'feature', name }
  for (const [name, needed] of demand.limits) {
    const there = executor.limits?.[name]
    if (there === undefined) return { what: 'limit', name, needed, there: 0 }
    // Of alignments a smaller one is the better one.
    if (name.startsWith('min') ? there > needed : there < needed) return { what: 'limit', name, needed, there }
  }
  if (!executor.numericClass.startsWith(demand.numericClass))
    return { what: 'class', needed: demand.numericClass, there: executor.numericClass }
  if (memoryBytes > 0 && memoryBytes < demand.memoryBytes) return { what: 'memory', needed: demand.memoryBytes, there: memoryBytes }
  return null
}
