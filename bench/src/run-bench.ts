/** Runs the parts of a benchmark one after the other, each within its time, and stops what they started. */
import type { Bench, Part, Row, Run } from './bench.ts'

export interface Outcome {
  readonly conditions: string
  readonly rows: readonly Row[]
}

/**
 * Parts that give at least one of the wanted rows. A wanted id may also be the beginning of several, up to a dot: `gossip.300`.
 * Throws RangeError when nothing has such an id.
 */
export function choose(bench: Bench, wanted: readonly string[] | null): { parts: readonly Part[]; ids: readonly string[] } {
  const all = bench.parts.flatMap(({ ids }) => ids)
  if (wanted === null) return { parts: bench.parts, ids: all }
  const unknown = wanted.find((prefix) => !all.some((id) => isWithin(id, prefix)))
  if (unknown !== undefined) throw new RangeError(`No row of ${bench.name} is called "${unknown}". There are: ${all.join(', ')}`)
  const ids = all.filter((id) => wanted.some((prefix) => isWithin(id, prefix)))
  return { parts: bench.parts.filter((part) => part.ids.some((id) => ids.includes(id))), ids }
}

function isWithin(id: string, prefix: string): boolean {
  return id === prefix || id.startsWith(`${prefix}.`)
}

/** Rejects when a part is not valid or late. `stopping` ends the run early; everything started is stopped in every case. */
export async function runBench(
  { parts, ids }: { parts: readonly Part[]; ids: readonly string[] },
  report: (line: string) => void,
  stopping: AbortSignal
): Promise<Outcome> {
  const rows: Row[] = []
  const conditions = new Set<string>()
  for (const part of parts) {
    report(`${part.ids.join(', ')}: at most ${part.limitSeconds} s`)
    const outcome = await runPart(part, report, stopping)
    rows.push(...outcome.rows)
    for (const condition of outcome.conditions) conditions.add(condition)
  }
  const missing = ids.find((id) => !rows.some((row) => row.id === id))
  if (missing !== undefined) throw new Error(`The row "${missing}" was not measured`)
  return { conditions: [...conditions].join('; '), rows: rows.filter(({ id }) => ids.includes(id)) }
}

async function runPart(part: Part, report: Run['report'], stopping: AbortSignal): ReturnType<Part['measure']> {
  const tasks: (() => unknown)[] = []
  const { promise: ended, reject }: PromiseWithResolvers<never> = Promise.withResolvers()
  const timer = setTimeout(() => {
    reject(new Error(`${part.ids.join(', ')} took longer than ${part.limitSeconds} s`))
  }, part.limitSeconds * 1_000)
  const onStop = (): void => {
    reject(new Error('stopped'))
  }
  stopping.addEventListener('abort', onStop)
  if (stopping.aborted) onStop()
  try {
    return await Promise.race([part.measure({ report, after: (task) => void tasks.push(task) }), ended])
  } finally {
    clearTimeout(timer)
    stopping.removeEventListener('abort', onStop)
    // one that fails must not keep the others from being stopped
    for (const task of tasks.reverse()) {
      try {
        await task()
      } catch (error) {
        report(`Cleaning up: ${String(error)}`)
      }
    }
  }
}
