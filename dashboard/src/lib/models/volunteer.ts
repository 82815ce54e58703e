/**
 * The volunteer as the page sees it, whoever does the computing: this tab, another tab of the same browser, or nobody yet.
 * Plain data, because it crosses tabs over a BroadcastChannel.
 */
import type { ExecutorKind, ReasonCode } from '@peercompute/job-specs'

export const volunteerPhases = ['idle', 'starting', 'computing', 'waiting', 'paused', 'finishing', 'stopped', 'failed'] as const
export type VolunteerPhase = (typeof volunteerPhases)[number]

export interface ExecutorView {
  readonly kind: ExecutorKind
  readonly software: boolean
  readonly numericClass: string
  readonly busyUnits: number
  readonly unitsDone: number
}

export interface CurrentJob {
  readonly id: string
  readonly title: string
  readonly researcher: string
  readonly description: string
}

export interface VolunteerSnapshot {
  readonly phase: VolunteerPhase
  /** Why nothing is being computed; null while something is. */
  readonly reason: ReasonCode | null
  /** Every cause to rest, the weightiest first. */
  readonly suspended: readonly ReasonCode[]
  /** Why the graphics card alone rests, or null. */
  readonly gpuSuspended: ReasonCode | null
  /** How much may be used now, which may be less than was allowed; null before the start. */
  readonly lending: { readonly gpuShare: number; readonly cpuSlots: number } | null
  /** One sentence when the phase is `failed`. */
  readonly failure: string | null
  readonly executors: readonly ExecutorView[]
  readonly currentJobs: readonly CurrentJob[]
  readonly unitsDone: number
  readonly account: string | null
  readonly host: string | null
}

export const NOBODY: VolunteerSnapshot = {
  phase: 'idle',
  reason: null,
  suspended: [],
  gpuSuspended: null,
  lending: null,
  failure: null,
  executors: [],
  currentJobs: [],
  unitsDone: 0,
  account: null,
  host: null
}

/** One unit that this computer finished. `value`: its outputs in declared order, little-endian; null when the program failed. */
export interface UnitNews {
  readonly job: string
  readonly unit: number
  readonly value: Uint8Array | null
}

/** `reconsider`: the preferences have changed. */
export type VolunteerCommand = 'pause' | 'resume' | 'finish' | 'stop' | 'reconsider'

/** True when the processor or graphics card is lent at this moment. */
export function isLending(phase: VolunteerPhase): boolean {
  return phase === 'computing' || phase === 'waiting' || phase === 'finishing' || phase === 'starting'
}
