/** What was used of the daily budget. The day is the owner's: it changes at midnight on the clock on the wall. */
import { z } from 'zod'

/** Keeps one short text; a test has one in memory. */
export interface UsageStore {
  read(): string | null
  write(text: string): void
}

const usageSchema = z.object({ day: z.string().max(10), seconds: z.number().min(0), bytes: z.number().min(0) })
export type Usage = z.infer<typeof usageSchema>

/** Longer between two looks, the device was asleep, and nothing was computed. */
const ASLEEP_MS = 30_000
const WRITE_EVERY_MS = 30_000

export interface UsageMeter {
  /** `bytes`: since the start of the program. Counts the time since the last call if `computing` held until now. */
  count(now: number, computing: boolean, bytes: number): Usage
  save(): void
}

/** A store that cannot be read begins the day anew; one that cannot be written forgets at the end of the program. */
export function createUsageMeter(store: UsageStore): UsageMeter {
  let usage = readUsage(store)
  let lastAt: number | null = null
  let lastBytes = 0
  let writtenAt = 0
  const save = () => {
    try {
      store.write(JSON.stringify(usage))
    } catch {
      // no storage: what was counted lasts as long as the program
    }
  }
  return {
    count(now, computing, bytes) {
      const day = dayOf(now)
      if (usage.day !== day) usage = { day, seconds: 0, bytes: 0 }
      const passedMs = lastAt === null ? 0 : now - lastAt
      const counted = computing && passedMs > 0 && passedMs <= ASLEEP_MS
      usage = { day, seconds: usage.seconds + (counted ? passedMs / 1_000 : 0), bytes: usage.bytes + Math.max(0, bytes - lastBytes) }
      lastAt = now
      lastBytes = bytes
      if (Math.abs(now - writtenAt) >= WRITE_EVERY_MS) {
        writtenAt = now
        save()
      }
      return usage
    },
    save
  }
}

function readUsage(store: UsageStore): Usage {
  try {
    return usageSchema.parse(JSON.parse(store.read() ?? ''))
  } catch {
    return { day: '', seconds: 0, bytes: 0 }
  }
}

function dayOf(now: number): string {
  const at = new Date(now)
  return `${at.getFullYear()}-${at.getMonth() + 1}-${at.getDate()}`
}
