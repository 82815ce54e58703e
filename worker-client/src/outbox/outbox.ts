/**
 * Results that the coordinator has not acknowledged. A report enters before it is sent and leaves with its answer, whatever
 * the answer is; so a lost connection, a closed tab or a restart of either side loses nothing that was computed.
 */
import { reportSchema, type HostId, type Report } from '@peercompute/job-specs'
import { createListeners } from '../listeners.ts'

export const OUTBOX_MAX_BYTES = 67_108_864
/** What a report without values takes, roughly: 256 entries of 200 bytes. Counted so that failures are bounded too. */
const ENTRY_BYTES = 200

export interface OutboxItem {
  /** Unique: a unit is reported once in an epoch. */
  readonly key: string
  readonly report: Report
  /** Values of the successful units, in order. */
  readonly values: Uint8Array
  /** End of the lease by this host's clock, epoch ms. When room is needed, the oldest goes first. */
  readonly deadline: number
}

/** Where the items rest. `load` skips what it cannot read. */
export interface OutboxStore {
  load(): Promise<readonly unknown[]>
  put(item: OutboxItem): Promise<void>
  remove(key: string): Promise<void>
}

export interface Outbox {
  /** Resolves when the item is stored, or is kept in memory because storing failed. */
  add(report: Report, values: Uint8Array, deadline: number): Promise<void>
  remove(key: string): Promise<void>
  /** In the order in which they came. */
  items(): readonly OutboxItem[]
  readonly bytes: number
  /** Reports that were given up because the outbox was full. */
  readonly dropped: number
  /** Items that could not be stored: they live only as long as this program. */
  readonly unstored: number
  onChange(listener: () => void): () => void
}

export interface OutboxInit {
  readonly store: OutboxStore
  /** Reports of another host key cannot be delivered by this one: they are removed. */
  readonly host: HostId
  readonly maxBytes?: number
}

export async function createOutbox({ store, host, maxBytes = OUTBOX_MAX_BYTES }: OutboxInit): Promise<Outbox> {
  const items = new Map<string, OutboxItem>()
  const changes = createListeners<undefined>()
  let bytes = 0
  let dropped = 0
  let unstored = 0

  const hold = (item: OutboxItem) => {
    items.set(item.key, item)
    bytes += itemBytes(item)
  }
  const forget = (key: string) => {
    const item = items.get(key)
    if (item === undefined) return
    items.delete(key)
    bytes -= itemBytes(item)
  }
  const remove = async (key: string) => {
    forget(key)
    changes.emit(undefined)
    await store.remove(key).catch(() => undefined)
  }
  const makeRoom = async () => {
    while (bytes > maxBytes) {
      const oldest = [...items.values()].reduce((a, b) => (b.deadline < a.deadline ? b : a))
      dropped++
      await remove(oldest.key)
    }
  }

  for (const stored of await store.load()) {
    const item = parseItem(stored)
    if (item !== null && item.report.host === host) hold(item)
    else if (item !== null) await store.remove(item.key).catch(() => undefined)
  }
  await makeRoom()

  return {
    async add(report, values, deadline) {
      const item: OutboxItem = { key: keyOf(report), report, values, deadline }
      hold(item)
      await makeRoom()
      if (!items.has(item.key)) return
      await store.put(item).catch(() => {
        unstored++
      })
      // Room may have been made while the item was being written.
      if (!items.has(item.key)) await store.remove(item.key).catch(() => undefined)
      else changes.emit(undefined)
    },
    remove,
    items: () => [...items.values()],
    get bytes() {
      return bytes
    },
    get dropped() {
      return dropped
    },
    get unstored() {
      return unstored
    },
    onChange: changes.on
  }
}

function keyOf(report: Report): string {
  return `${report.job}-${report.epoch}-${report.units[0]?.unit ?? 0}`
}

function itemBytes(item: OutboxItem): number {
  return item.values.length + item.report.units.length * ENTRY_BYTES
}

/** What a store gives back comes from a disk: it is checked like anything foreign. */
function parseItem(stored: unknown): OutboxItem | null {
  if (typeof stored !== 'object' || stored === null || !('report' in stored) || !('values' in stored) || !('deadline' in stored))
    return null
  const { report, values, deadline } = stored
  const parsed = reportSchema.safeParse(report)
  if (!parsed.success || !(values instanceof Uint8Array) || typeof deadline !== 'number') return null
  const expected = parsed.data.units.reduce((sum, unit) => sum + (unit.outcome === 'success' ? unit.bytes : 0), 0)
  return values.length === expected ? { key: keyOf(parsed.data), report: parsed.data, values, deadline } : null
}
