/** Server-sent events: one formatted copy of each event for all readers, and a bounded buffer for each. */
import { Readable } from 'node:stream'
import type { JobId, LiveEvent } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'

export const HEARTBEAT_MS = 15_000
/** A reader that is this far behind is cut off: it reconnects and gets the present state instead of the past. */
export const BUFFER_MAX_BYTES = 1_048_576
const RETRY_MS = 2_000
const SNAPSHOT_JOBS_MAX = 1_000
const SNAPSHOT_PAGE = 100

export interface LiveStreams {
  /** What a reader gets: the present state first, then every change. `job` narrows it to one. */
  open(job: JobId | undefined): Readable
  readonly size: number
  /** Ends all streams. */
  close(): void
}

export function createLiveStreams(coordinator: Coordinator, clock: Clock, onCount: (change: 1 | -1) => void): LiveStreams {
  const readers = new Map<Readable, JobId | undefined>()
  let sequence = 0
  let cancelHeartbeat: () => void = () => undefined

  const unsubscribe = coordinator.onLive((event) => {
    if (readers.size === 0) return
    const text = format(event, ++sequence)
    for (const [reader, job] of readers) if (concerns(event, job)) write(reader, text)
  })

  function beat(): void {
    for (const reader of readers.keys()) write(reader, ': \n\n')
    cancelHeartbeat = readers.size > 0 ? clock.schedule(HEARTBEAT_MS, beat) : () => undefined
  }

  function write(reader: Readable, text: string): void {
    if (reader.readableLength + text.length > BUFFER_MAX_BYTES) reader.destroy()
    else reader.push(text)
  }

  return {
    get size() {
      return readers.size
    },

    open(job) {
      const reader = new Readable({ read: () => undefined })
      reader.once('close', () => {
        if (readers.delete(reader)) onCount(-1)
        if (readers.size === 0) cancelHeartbeat()
      })
      reader.push(`retry: ${RETRY_MS}\n\n`)
      for (const event of snapshot(coordinator, job)) reader.push(format(event, sequence))
      readers.set(reader, job)
      onCount(1)
      if (readers.size === 1) cancelHeartbeat = clock.schedule(HEARTBEAT_MS, beat)
      return reader
    },

    close() {
      unsubscribe()
      cancelHeartbeat()
      for (const reader of readers.keys()) reader.push(null)
    }
  }
}

function* snapshot(coordinator: Coordinator, job: JobId | undefined): Generator<LiveEvent> {
  if (job !== undefined) {
    yield { event: 'job', data: coordinator.job(job) }
    return
  }
  let sent = 0
  let cursor: string | null = null
  do {
    const page: ReturnType<Coordinator['jobs']> = coordinator.jobs({ limit: SNAPSHOT_PAGE, ...(cursor === null ? {} : { cursor }) })
    for (const summary of page.items) if (sent++ < SNAPSHOT_JOBS_MAX) yield { event: 'job', data: summary }
    cursor = page.next
  } while (cursor !== null && sent < SNAPSHOT_JOBS_MAX)
  yield { event: 'fleet', data: coordinator.fleet() }
}

function concerns(event: LiveEvent, job: JobId | undefined): boolean {
  if (job === undefined || event.event === 'fleet') return true
  return (event.event === 'job' ? event.data.id : event.data.job) === job
}

function format({ event, data }: LiveEvent, id: number): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
