/** What the GPU runner is told of a job. Plain data, made outside the sandbox: WGSL is never interpreted as script. */
import type { OutputLayout } from '../pool/unit-value.ts'

export type Extent = readonly [x: number, y: number, z: number]

export interface GpuBuffer {
  readonly binding: number
  readonly access: 'uniform' | 'read-only-storage' | 'storage'
  /** A multiple of 4. */
  readonly bytes: number
  /** First contents of an input or of the parameters; null for outputs and scratch, which start each unit as zeros. */
  readonly data: Uint8Array<ArrayBuffer> | null
}

export interface GpuPass {
  readonly entry: string
  /** Workgroups of the whole pass. */
  readonly groups: Extent
  /** Invocations of the whole pass. */
  readonly grid: Extent
  readonly workgroup: Extent
  readonly repeat: number
}

export interface GpuTask {
  readonly job: string
  /** The whole module: directives and the platform's prelude (`headLines` lines), then the researcher's text. */
  readonly code: string
  readonly headLines: number
  /** Its loops take fuel from the guard buffer. */
  readonly fuelled: boolean
  /** WebGPU features and limits that the device must be opened with. */
  readonly features: readonly string[]
  readonly limits: Readonly<Record<string, number>>
  /** Why the job does not fit its WGSL; told only when the module itself compiles, because the compiler says it better. */
  readonly problem: string | null
  readonly buffers: readonly GpuBuffer[]
  readonly outputs: readonly { readonly layout: OutputLayout; readonly binding: number }[]
  readonly passes: readonly GpuPass[]
  /** Milliseconds that a unit may compute; rests do not count. */
  readonly unitMs: number
}
