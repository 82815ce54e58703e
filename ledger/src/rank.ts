/** Which of two coordinators' words counts. */
import type { AuthorId } from '@peercompute/job-specs'

/** Place of a coordinator's record among all of them. The highest has the last word. */
export interface Rank {
  readonly serial: number
  readonly author: AuthorId
  readonly epoch: number
  readonly seq: number
}
export interface Ranked<T> {
  readonly rank: Rank
  readonly value: T
}

export function outranks(a: Rank, b: Rank): boolean {
  if (a.serial !== b.serial) return a.serial > b.serial
  if (a.author !== b.author) return a.author > b.author
  if (a.epoch !== b.epoch) return a.epoch > b.epoch
  return a.seq > b.seq
}

export function higher<T>(held: Ranked<T> | undefined, met: Ranked<T>): Ranked<T> {
  return held === undefined || outranks(met.rank, held.rank) ? met : held
}
