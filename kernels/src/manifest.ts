/**
 * What a library kernel says about itself. Platform-free: programs and data are named by hash elsewhere (library.ts), never read here.
 *
 * ABI 1, as the programs of this library use it:
 *
 * WGSL: the runtime puts LAUNCH_WGSL in front, so `launch` (group 0) is there. The kernel declares
 *   `struct Params { … }; @group(1) @binding(0) var<uniform> params: Params;` with fields named like the spec's params, and storage
 *   variables in group 1 named like the inputs and outputs. An invocation is `launch.offset + global_invocation_id` and returns at once
 *   at or past `launch.size`. The runtime cuts a pass into slices of whole workgroups, so that every invocation of the grid runs exactly
 *   once (atomics count on it). Outputs and scratch are zero before the first pass of each unit. Every loop has a constant bound.
 *
 * JavaScript: one `export default function compute({ unit, params, inputs, signal, progress, checkpoint })` at the start of a line,
 *   no imports; `inputs` by name as typed arrays; returns the outputs by name as typed arrays. No clock, no randomness, no I/O.
 *
 * WASM: imports one thing, `env.memory`, declared as 1 … 65536 pages, so any memory with a maximum fits and the host's maximum is the
 *   program's limit. Exports
 *     `alloc(bytes: i32) -> i32`: a pointer to `bytes` fresh bytes, aligned to 16, or 0 when there is no memory. Nothing is ever freed: a host
 *        calls it once a job for each buffer and uses the buffer again for every unit.
 *     `compute(unit: f64, params: i32, inputs: i32, outputs: i32) -> i32`: 0 when the outputs are written, otherwise a code that the
 *        kernel's README explains. A trap is a failure too.
 *   `params` leads to f64 values **sorted by parameter name** (code units, as in the canonical JSON; a vector is flattened in place),
 *   `inputs` and `outputs` to u32 pairs (pointer, byte length) in the order in which the spec declares them. The program writes every
 *   byte of its outputs. The memory may have grown after `alloc` and `compute`: take its buffer anew.
 */
import type { Comparator, ElementType, JobSpec, KernelPass, OutputSpec, Reducer, View } from '@peercompute/job-specs'

export interface KernelParam {
  readonly description: string
  /** Unit of measure, `'1'` for a plain number. */
  readonly unit: string
  readonly default: number
  /** Both ends are allowed. */
  readonly min: number
  readonly max: number
  readonly integer: boolean
}

/** Values of all of a kernel's parameters, checked by `resolveParams`. */
export type KernelParams<Name extends string = string> = Readonly<Record<Name, number>>

export interface KernelInput {
  readonly name: string
  readonly type: ElementType
  readonly description: string
}

/**
 * `exact`: integers only, bit-equal on every device. `rounding`: `+ − ×` on floats, so devices differ by rounding only, within the
 * bound from which the comparator is derived.
 */
export type Determinism = 'exact' | 'rounding'

export interface KernelManifest<Name extends string = string> {
  /** Name of the kernel and of its folder. */
  readonly name: string
  readonly title: string
  /** Plain text, shown to volunteers: what is it for. */
  readonly summary: string
  readonly params: Readonly<Record<Name, KernelParam>>
  /** One sentence when values that are each in range do not fit together, null when they do. */
  check(params: KernelParams<Name>): string | null
  readonly inputs: readonly KernelInput[]
  readonly determinism: Determinism
  readonly reduce: Reducer
  unitCount(params: KernelParams<Name>): number
  outputs(params: KernelParams<Name>): OutputSpec[]
  /** WGSL entry points with their thread grids. */
  passes(params: KernelParams<Name>): KernelPass[]
  comparator(params: KernelParams<Name>): Comparator
  view(params: KernelParams<Name>): View
  limits(params: KernelParams<Name>): JobSpec['limits']
  /** Cost model: arithmetic operations of one unit, on average. */
  unitOperations(params: KernelParams<Name>): number
}
