/**
 * Results that the members keep: the values that the leader hands on as they settle. The leader is not believed: a value counts when
 * the ledger's `units.settle` record over its range has the digest of just these values. So the results outlive every leader.
 */
import { sha256Hex, type ContentHash, type JobId } from '@peercompute/job-specs'
import type { LedgerJob, SettledRange } from '@peercompute/ledger'
import { createListeners } from '@peercompute/worker-client'
import { rangeDigest } from '@peercompute/relay-coordinator/room'

/** All jobs together. What does not fit is not kept here; others may have it. */
export const ROOM_VALUES_MAX_BYTES = 134_217_728

export interface KeptValue {
  readonly value: Uint8Array
  readonly digest: ContentHash
}

export interface UnitName {
  readonly job: JobId
  readonly unit: number
}

export interface RoomValueStore {
  /** The first value of a unit stays, unless it turned out wrong. */
  put(job: JobId, unit: number, value: Uint8Array): void
  get(job: JobId, unit: number): Uint8Array | undefined
  /** All that is held, job by job, in the order of the units. */
  held(): UnitName[]
  /** What comes from now on. */
  onPut(listener: (name: UnitName) => void): () => void
  /** Values that the ledger vouches for, by unit. A live view. */
  verified(job: LedgerJob): ReadonlyMap<number, KeptValue>
  readonly bytes: number
}

interface KeptJob {
  readonly values: Map<number, KeptValue>
  readonly verified: Map<number, KeptValue>
  /** Ranges that were checked against just these values, by `start:count:digest`. */
  readonly checked: Set<string>
}

export function createRoomValues(maxBytes = ROOM_VALUES_MAX_BYTES): RoomValueStore {
  const jobs = new Map<JobId, KeptJob>()
  const puts = createListeners<UnitName>()
  let bytes = 0

  function kept(id: JobId): KeptJob {
    const known = jobs.get(id)
    if (known !== undefined) return known
    const fresh: KeptJob = { values: new Map(), verified: new Map(), checked: new Set() }
    jobs.set(id, fresh)
    return fresh
  }

  function check(job: KeptJob, { start, count, digest }: SettledRange): void {
    const values: KeptValue[] = []
    for (let unit = start; unit < start + count; unit++) {
      const value = job.values.get(unit)
      if (value === undefined) return
      values.push(value)
    }
    if (rangeDigest(values.map((value) => value.digest)) === digest) {
      values.forEach((value, index) => job.verified.set(start + index, value))
      job.checked.add(`${start}:${count}:${digest}`)
    } else drop(job, start, count)
  }

  /** At least one of them is not what was settled: they may come again, from a better leader. */
  function drop(job: KeptJob, start: number, count: number): void {
    for (let unit = start; unit < start + count; unit++) {
      const wrong = job.verified.has(unit) ? undefined : job.values.get(unit)
      if (wrong === undefined) continue
      bytes -= wrong.value.length
      job.values.delete(unit)
    }
  }

  return {
    put(id, unit, value) {
      const { values } = kept(id)
      if (values.has(unit) || bytes + value.length > maxBytes) return
      values.set(unit, { value: value.slice(), digest: sha256Hex(value) as ContentHash })
      bytes += value.length
      puts.emit({ job: id, unit })
    },
    get: (id, unit) => jobs.get(id)?.values.get(unit)?.value,
    held: () => [...jobs].flatMap(([job, { values }]) => [...values.keys()].sort((a, b) => a - b).map((unit) => ({ job, unit }))),
    onPut: puts.on,
    verified(ledgerJob) {
      const job = kept(ledgerJob.id)
      for (const range of ledgerJob.settled) {
        if (range.count <= job.values.size && !job.checked.has(`${range.start}:${range.count}:${range.digest}`)) check(job, range)
      }
      return job.verified
    },
    get bytes() {
      return bytes
    }
  }
}
