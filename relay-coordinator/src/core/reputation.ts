/**
 * What is known of a host with one program on one executor, from comparisons with independent others. It belongs to the key, so a new
 * key begins with nothing.
 */
import type { ContentHash, ExecutorKind, HostId, JobId, JobSpec } from '@peercompute/job-specs'
import type { Holder } from './held-lease.ts'
import { badProbability, type Recent } from './suspicion.ts'

/** `host executor program`. */
export type ReputationKey = string

export interface Reputation {
  readonly host: HostId
  readonly executor: ExecutorKind
  /** SHA-256 of the program. */
  readonly program: ContentHash
  /** Agreements since it last lost a vote. */
  passed: number
  /** Comparisons in all. */
  checks: number
  /** Lost votes that say something of the host: a device that only rounds differently loses none. */
  failures: number
  /** Of those, votes in which another host had the same wrong answer. */
  colluded: number
  /** Executions in settled units, compared or not. In memory only. */
  executions: number
  /** Probability that it lies or is broken, by its comparisons. In memory only. */
  bad: number
  /** The last comparisons: halved when there are `RECENT_MAX`, so that a good past does not hide what a host does now. In memory only. */
  readonly recent: Recent
  /** The last failures, oldest first. In memory only. */
  readonly faults: { readonly job: JobId; readonly unit: number; readonly witnesses: readonly Pick<Holder, 'host' | 'executor'>[] }[]
  /** The last units that it decided alone, oldest first. In memory only. */
  readonly alone: { readonly job: JobId; readonly unit: number }[]
}

export type ReputationRow = Pick<Reputation, 'host' | 'executor' | 'program' | 'passed' | 'checks' | 'failures' | 'colluded'>

const RECENT_MAX = 64
const FAULTS_MAX = 8
const ALONE_MAX = 32

export function reputationFrom(row: ReputationRow): Reputation {
  // What is not stored is forgiven: a ban needs two failures that this process has seen.
  const recent = { checks: Math.min(row.checks, RECENT_MAX / 2), failures: 0, colluded: 0 }
  return { ...row, executions: row.checks, bad: badProbability({ ...row, recent }), recent, faults: [], alone: [] }
}

export function programOf({ kernel }: JobSpec, executor: ExecutorKind): ContentHash | null {
  return (executor === 'webgpu' ? kernel.wgsl : kernel[executor])?.blob.sha256 ?? null
}

export function reputationKey(host: HostId, executor: ExecutorKind, program: ContentHash): ReputationKey {
  return `${host} ${executor} ${program}`
}

export function decidedAlone({ alone }: Reputation, job: JobId, unit: number): void {
  alone.push({ job, unit })
  if (alone.length > ALONE_MAX) alone.shift()
}

/** Nobody else has computed the unit. */
export function hasExecuted(reputation: Reputation): void {
  reputation.executions++
}

/** It was not like the others, which need not be its fault; but its word alone is no longer enough. */
export function hasDiffered(reputation: Reputation): void {
  reputation.executions++
  reputation.passed = 0
}

export function hasPassed(reputation: Reputation): void {
  compared(reputation)
  reputation.passed++
  reputation.bad = badProbability(reputation)
}

export function hasFailed(reputation: Reputation, fault: Reputation['faults'][number], colluded: boolean): void {
  compared(reputation)
  reputation.passed = 0
  reputation.failures++
  reputation.recent.failures++
  if (colluded) {
    reputation.colluded++
    reputation.recent.colluded++
  }
  reputation.bad = badProbability(reputation)
  reputation.faults.push(fault)
  if (reputation.faults.length > FAULTS_MAX) reputation.faults.shift()
}

export function forgive(reputation: Reputation): void {
  reputation.passed = reputation.executions = reputation.checks = reputation.failures = reputation.colluded = 0
  Object.assign(reputation.recent, { checks: 0, failures: 0, colluded: 0 })
  reputation.bad = badProbability(reputation)
  reputation.faults.length = 0
  reputation.alone.length = 0
}

function compared(reputation: Reputation): void {
  const { recent } = reputation
  reputation.executions++
  reputation.checks++
  recent.checks++
  if (recent.checks < RECENT_MAX) return
  recent.checks /= 2
  recent.failures = Math.floor(recent.failures / 2)
  recent.colluded = Math.floor(recent.colluded / 2)
}
