/** Settled units as NDJSON and CSV, page by page. */
import { elementCount, type JobSpec, type ResultRow } from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import type { JobId } from '@peercompute/job-specs'

const PAGE_UNITS = 500

/** Settled units from `from` on, at most `limit` of them. */
export async function* resultRows(
  coordinator: Coordinator,
  job: JobId,
  { from, limit }: { from: number; limit: number }
): AsyncGenerator<ResultRow> {
  let next: number | null = from
  let left = limit
  while (next !== null && left > 0) {
    const page: Awaited<ReturnType<Coordinator['results']>> = await coordinator.results(job, {
      from: next,
      limit: Math.min(PAGE_UNITS, left)
    })
    yield* page.rows
    left -= page.rows.length
    next = page.next
  }
}

export async function* asNdjson(rows: AsyncIterable<ResultRow>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`
}

/**
 * One line a unit: `unit,digest`, then a column for each output, or for each of its elements as `name[i]`.
 * Every field is a number, a hash or one of NaN, Infinity, -Infinity, so nothing needs quotes (RFC 4180).
 */
export async function* asCsv(spec: JobSpec, rows: AsyncIterable<ResultRow>): AsyncGenerator<string> {
  const columns = spec.outputs.flatMap((output) => {
    const count = elementCount(output)
    return count === 1 ? [output.name] : Array.from({ length: count }, (_, index) => `${output.name}[${index}]`)
  })
  yield `${['unit', 'digest', ...columns].join(',')}\r\n`
  for await (const row of rows) {
    const values = spec.outputs.flatMap((output) => row.values[output.name] ?? [])
    yield `${[row.unit, row.digest, ...values].join(',')}\r\n`
  }
}
