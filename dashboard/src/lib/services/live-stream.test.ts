import { setImmediate as turn } from 'node:timers/promises'
import type { LiveEvent } from '@peercompute/job-specs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { backoffMs } from './backoff.ts'
import { followLive, LIVE_CHANNEL, parseEvent, type LiveListener, type LiveNote, type LiveParts } from './live-stream.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

const fleet: LiveEvent = { event: 'fleet', data: { hosts: 3, computing: 2, validatedUnits: 40 } }

interface Source {
  open: () => void
  send: (event: LiveEvent) => void
  fail: () => void
  closed: boolean
}

/** One browser: its Web Locks and BroadcastChannel are Node's real ones; only the stream, clock and visibility are ours. */
function browser() {
  const sources: Source[] = []
  const openTab = () => {
    const seen: LiveEvent[] = []
    const notes: LiveNote[] = []
    let resyncs = 0
    let hidden = false
    const visibility = new Set<() => void>()
    const timers: { ms: number; task: () => void }[] = []
    const parts: LiveParts = {
      openSource: (onOpen, onEvent, onError) => {
        const source: Source = {
          open: onOpen,
          send: (event) => {
            onEvent(event.event, JSON.stringify(event.data))
          },
          fail: onError,
          closed: false
        }
        sources.push(source)
        return {
          close: () => {
            source.closed = true
          }
        }
      },
      locks: navigator.locks,
      channel: () => new BroadcastChannel(LIVE_CHANNEL),
      isHidden: () => hidden,
      onVisibility: (listener) => {
        visibility.add(listener)
        return () => {
          visibility.delete(listener)
        }
      },
      now: () => 1_000,
      random: () => 0.5,
      after: (ms, task) => {
        const timer = { ms, task }
        timers.push(timer)
        return () => {
          timers.splice(timers.indexOf(timer), 1)
        }
      }
    }
    const listener: LiveListener = {
      onEvent: (event) => {
        seen.push(event)
      },
      onResync: () => {
        resyncs += 1
      },
      onStatus: (note) => {
        notes.push(note)
      }
    }
    const end = followLive(parts, listener)
    ends.push(end)
    const setHidden = (value: boolean) => {
      hidden = value
      for (const notify of [...visibility]) notify()
    }
    return { seen, notes, timers, end, resyncs: () => resyncs, setHidden }
  }
  const living = () => sources.filter((source) => !source.closed)
  const leader = (): Source => {
    const [source] = living()
    if (source === undefined) throw new Error('no stream is open')
    return source
  }
  return { openTab, living, leader }
}

describe('one stream for all tabs of a browser', () => {
  it('is opened once and heard by every tab', async () => {
    const { openTab, living, leader } = browser()
    const first = openTab()
    await vi.waitUntil(() => living().length === 1)
    const second = openTab()
    await turn()
    leader().open()
    leader().send(fleet)
    await vi.waitUntil(() => second.seen.length === 1)
    expect(first.seen).toEqual([fleet])
    expect(second.seen).toEqual([fleet])
    expect(living()).toHaveLength(1)
    expect([first.resyncs(), second.resyncs()]).toEqual([1, 1])
  })

  it('is taken over when the tab that reads it closes', async () => {
    const { openTab, living, leader } = browser()
    const first = openTab()
    await vi.waitUntil(() => living().length === 1)
    const second = openTab()
    const before = leader()
    first.end()
    await vi.waitUntil(() => living().length === 1 && leader() !== before)
    leader().open()
    leader().send(fleet)
    expect(second.seen).toEqual([fleet])
    expect(before.closed).toBe(true)
  })

  it('is handed over by a hidden tab only when another one waits', async () => {
    const { openTab, living, leader } = browser()
    const first = openTab()
    await vi.waitUntil(() => living().length === 1)
    const before = leader()
    first.setHidden(true)
    await vi.waitUntil(() => first.timers.length === 1)
    expect(before.closed).toBe(false)
    openTab()
    await vi.waitUntil(async () => (await navigator.locks.query()).pending?.length === 1)
    first.timers[0]?.task()
    await vi.waitUntil(() => living().length === 1 && leader() !== before)
    expect(before.closed).toBe(true)
  })

  it('comes back after a loss, says when, and asks for everything anew', async () => {
    const { openTab, living, leader } = browser()
    const tab = openTab()
    await vi.waitUntil(() => living().length === 1)
    leader().open()
    leader().fail()
    expect(living()).toHaveLength(0)
    expect(tab.notes.at(-1)).toEqual({ status: 'lost', atMs: 1_000, retryAtMs: 1_500 })
    tab.timers[0]?.task()
    leader().open()
    expect(tab.notes.at(-1)?.status).toBe('live')
    expect(tab.resyncs()).toBe(2)
  })
})

describe('events of the stream', () => {
  it('that are unknown or broken are ignored', () => {
    expect(parseEvent('fleet', JSON.stringify(fleet.data))).toEqual(fleet)
    expect(parseEvent('weather', '{}')).toBeNull()
    expect(parseEvent('fleet', '{"hosts":"many"}')).toBeNull()
    expect(parseEvent('fleet', '{')).toBeNull()
  })
})

describe('backoff', () => {
  it('doubles under full jitter up to its cap', () => {
    const limits = { firstMs: 1_000, capMs: 30_000 }
    expect([0, 1, 4, 5, 50].map((attempt) => backoffMs(attempt, limits, () => 0.5))).toEqual([500, 1_000, 8_000, 15_000, 15_000])
    expect(backoffMs(3, limits, () => 0)).toBe(0)
  })
})
