/** The settled units that are still rows of the database. */
import type { DatabaseSync } from 'node:sqlite'
import { contentHashSchema, PeerComputeError, type ContentHash } from '@peercompute/job-specs'
import { z } from 'zod'
import type { SettledUnit } from '../core/index.ts'
import type { HolderTable } from './holders.ts'
import type { Source } from './merge.ts'
import { paged } from './paged.ts'
import type { UnitDigest } from './segment-reader.ts'
import { decodeVotes } from './votes.ts'

const settledRowSchema = z.object({
  unit: z.int(),
  digest: contentHashSchema,
  value: z.instanceof(Uint8Array),
  votes: z.string(),
  error_probability: z.number(),
  at: z.int()
})
const PAGE_UNITS = 128
const PAGE_DIGESTS = 4_096

export class SettledRowReader {
  readonly #units
  readonly #digests
  readonly #holders: HolderTable

  constructor(database: DatabaseSync, holders: HolderTable) {
    this.#units = database.prepare(
      'SELECT unit, digest, value, votes, error_probability, at FROM settled WHERE job = ? AND unit >= ? ORDER BY unit LIMIT ?'
    )
    this.#digests = database.prepare('SELECT unit, digest FROM settled WHERE job = ? AND unit >= ? ORDER BY unit LIMIT ?')
    this.#holders = holders
  }

  /** Units ≥ `from`, in order. Throws STORE_DAMAGED for a row that no version can have written. */
  page(job: number, from: number, limit: number): readonly SettledUnit[] {
    return this.#units.all(job, from, limit).map((row) => {
      const { at: settledAt, votes, error_probability: errorProbability, ...unit } = settledRowSchema.parse(row)
      return { ...unit, votes: decodeVotes(votes, this.#holders, unit.digest), errorProbability, settledAt }
    })
  }

  units(job: number, from: number): Source<SettledUnit> {
    return { first: from, open: () => paged((next) => this.page(job, next, PAGE_UNITS), from, PAGE_UNITS) }
  }

  digests(job: number, from: number): Source<UnitDigest> {
    return {
      first: from,
      open: () => paged((next) => this.#digests.all(job, next, PAGE_DIGESTS).map(unitDigest), from, PAGE_DIGESTS)
    }
  }
}

/** Many at a time, for a checkpoint: checked by hand, which is ten times as fast. */
function unitDigest({ unit, digest }: Readonly<Record<string, unknown>>): UnitDigest {
  if (typeof unit !== 'number' || typeof digest !== 'string')
    throw new PeerComputeError('STORE_DAMAGED', 'a settled unit in the database has no digest')
  return { unit, digest: digest as ContentHash }
}
