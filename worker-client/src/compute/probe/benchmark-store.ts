/** What an executor's speed was when it was measured, so that it is measured at the first start and not at each. */
import { benchmarkSchema, PROBE_VERSION, type Benchmark } from '@peercompute/job-specs'
import { z } from 'zod'

/** Machines are upgraded, and the first measurement may have met a busy hour. */
const VALID_MS = 30 * 86_400_000
const KEPT_MAX = 16

/** One small text. A store that cannot be read holds nothing, and one that cannot be written keeps nothing: neither throws. */
export interface BenchmarkStore {
  read(): Promise<string | null>
  write(text: string): Promise<void>
}

const storedSchema = z.record(
  z.string().max(128),
  z.strictObject({ probeVersion: z.int(), measuredAt: z.number(), benchmark: benchmarkSchema })
)

function parsed(text: string | null): z.infer<typeof storedSchema> {
  try {
    return storedSchema.parse(JSON.parse(text ?? '{}'))
  } catch {
    return {}
  }
}

/** The stored benchmark under that key, if it is of this version and less than 30 days old; otherwise measures and stores it. */
export async function measuredOnce(store: BenchmarkStore, key: string, measure: () => Promise<Benchmark>): Promise<Benchmark> {
  const now = Date.now()
  const kept = parsed(await store.read())[key]
  if (kept?.probeVersion === PROBE_VERSION && now - kept.measuredAt < VALID_MS && kept.measuredAt <= now) return kept.benchmark
  const benchmark = await measure()
  // Read again: another executor may have been measured meanwhile.
  const others = Object.entries(parsed(await store.read())).filter(([name]) => name !== key)
  const stored = Object.fromEntries([...others.slice(1 - KEPT_MAX), [key, { probeVersion: PROBE_VERSION, measuredAt: now, benchmark }]])
  await store.write(JSON.stringify(stored))
  return benchmark
}

/** Measures at each start: for tests and for what runs once. */
export const noBenchmarkStore: BenchmarkStore = { read: () => Promise.resolve(null), write: () => Promise.resolve() }
