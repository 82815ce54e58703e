/** What was taken back and the ledger does not say yet: written with the reopening itself, so that no crash comes between them. */
import type { DatabaseSync } from 'node:sqlite'
import { jobIdSchema, PeerComputeError } from '@peercompute/job-specs'
import { z } from 'zod'
import type { Reopening } from '../core/index.ts'

const rowSchema = z.object({
  no: z.int(),
  job: jobIdSchema,
  ranges: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(z.tuple([z.int(), z.int()])))
})

export class UntoldReopenings {
  readonly #select
  readonly #delete

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(
      'SELECT untold_reopenings.no, jobs.id AS job, ranges FROM untold_reopenings JOIN jobs ON jobs.no = job ORDER BY untold_reopenings.no'
    )
    this.#delete = database.prepare('DELETE FROM untold_reopenings WHERE no <= ?')
  }

  /** Throws STORE_DAMAGED. */
  list(): readonly Reopening[] {
    return this.#select.all().map((row) => {
      const parsed = rowSchema.safeParse(row)
      if (parsed.success) return parsed.data
      throw new PeerComputeError('STORE_DAMAGED', `a row of the database cannot be read: ${z.prettifyError(parsed.error)}`)
    })
  }

  /** Inside a transaction. */
  told(upTo: number): void {
    this.#delete.run(upTo)
  }
}
