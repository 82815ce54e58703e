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

export interface Preferences {
  readonly restWhenHidden: boolean
  readonly restOnBattery: boolean
}

/** Processor threads to lend: half of them, in pairs, because two different programs check each other. */
export function lentThreads(threads: number): number {
  return 2 * Math.max(1, Math.floor(threads / 4))
}

/** `reconsider`: the preferences have changed. */
export type VolunteerCommand = 'pause' | 'resume' | 'finish' | 'stop' | 'reconsider'

/** True when the processor or graphics card is lent at this moment. */
export function isLending(phase: VolunteerPhase): boolean {
  return phase === 'computing' || phase === 'waiting' || phase === 'finishing' || phase === 'starting'
}
