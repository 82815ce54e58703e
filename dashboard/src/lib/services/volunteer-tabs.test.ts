import { afterEach, describe, expect, it, vi } from 'vitest'
import { NOBODY, type UnitNews, type VolunteerPhase, type VolunteerSnapshot } from '../models/volunteer.ts'
import { joinVolunteerTabs, type TabClient } from './volunteer-tabs.ts'

const ends: (() => void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) end()
  await vi.waitUntil(async () => (await navigator.locks.query()).held?.length === 0)
})

/** A volunteer that computes nothing: what the tabs agree on is the subject here, not the work. */
function client() {
  let phase: VolunteerPhase = 'idle'
  const changes = new Set<() => void>()
  const units = new Set<(news: UnitNews) => void>()
  const become = (next: VolunteerPhase) => {
    phase = next
    for (const change of [...changes]) change()
    return Promise.resolve()
  }
  const made: TabClient & { unit: (news: UnitNews) => void } = {
    start: () => void become('computing'),
    pause: () => void become('paused'),
    resume: () => void become('computing'),
    finish: () => become('stopped'),
    stop: () => become('stopped'),
    reconsider: () => undefined,
    snapshot: () => ({ ...NOBODY, phase, unitsDone: 5 }),
    onChange: (listener) => {
      changes.add(listener)
      return () => {
        changes.delete(listener)
      }
    },
    onUnit: (listener) => {
      units.add(listener)
      return () => {
        units.delete(listener)
      }
    },
    unit: (news) => {
      for (const tell of units) tell(news)
    }
  }
  return made
}

function tab(locks: Pick<LockManager, 'request'> | null = navigator.locks) {
  const created: ReturnType<typeof client>[] = []
  const seen: { snapshot: VolunteerSnapshot; elsewhere: boolean }[] = []
  const news: UnitNews[] = []
  const tabs = joinVolunteerTabs(
    {
      locks,
      channel: () => new BroadcastChannel('test.computing'),
      createClient: () => {
        const made = client()
        created.push(made)
        return Promise.resolve(made)
      }
    },
    {
      onSnapshot: (snapshot, elsewhere) => {
        seen.push({ snapshot, elsewhere })
      },
      onUnit: (unit) => {
        news.push(unit)
      }
    }
  )
  ends.push(() => {
    for (const made of created) void made.stop()
    tabs.end()
  })
  const last = () => seen.at(-1)
  return { tabs, created, seen, news, last }
}

describe('the tabs of one browser profile', () => {
  it('compute in one tab only; the other shows the same', async () => {
    const first = tab()
    const second = tab()
    void first.tabs.start(false)
    await vi.waitUntil(() => first.last()?.snapshot.phase === 'computing')
    await second.tabs.start(false)
    await vi.waitUntil(() => second.last()?.snapshot.phase === 'computing')
    expect(second.created).toHaveLength(0)
    expect([first.last()?.elsewhere, second.last()?.elsewhere]).toEqual([false, true])
  })

  it('send their commands to the one that computes', async () => {
    const first = tab()
    const second = tab()
    void first.tabs.start(false)
    await vi.waitUntil(() => second.last()?.snapshot.phase === 'computing')
    await second.tabs.command('pause')
    await vi.waitUntil(() => first.last()?.snapshot.phase === 'paused')
    first.created[0]?.unit({ job: 'a', unit: 4, value: Uint8Array.of(1) })
    await vi.waitUntil(() => second.news.length === 1)
    expect(second.news[0]?.value).toEqual(Uint8Array.of(1))
  })

  it('can hand over on request', async () => {
    const first = tab()
    const second = tab()
    void first.tabs.start(false)
    await vi.waitUntil(() => second.last()?.snapshot.phase === 'computing')
    void second.tabs.start(true)
    await vi.waitUntil(() => second.created.length === 1 && second.last()?.snapshot.phase === 'computing')
    expect(second.last()?.elsewhere).toBe(false)
    await vi.waitUntil(() => first.last()?.elsewhere === true)
  })

  it('say that nobody computes when the computing tab has gone', async () => {
    const first = tab()
    const second = tab()
    void first.tabs.start(false)
    await vi.waitUntil(() => second.last()?.elsewhere === true)
    await first.tabs.command('stop')
    await vi.waitUntil(() => second.last()?.elsewhere === false)
    expect(['idle', 'stopped']).toContain(second.last()?.snapshot.phase)
  })

  it('without Web Locks go by what the other says: one computes, the other takes over on request only', async () => {
    const first = tab(null)
    const second = tab(null)
    void first.tabs.start(false)
    await vi.waitUntil(() => second.last()?.elsewhere === true)
    await second.tabs.start(false)
    expect(second.created).toHaveLength(0)
    void second.tabs.start(true)
    await vi.waitUntil(() => second.last()?.snapshot.phase === 'computing' && second.last()?.elsewhere === false)
    await vi.waitUntil(() => first.last()?.elsewhere === true)
  })

  it('report a failed start in a sentence, and may try again', async () => {
    const seen: VolunteerSnapshot[] = []
    const tabs = joinVolunteerTabs(
      {
        locks: navigator.locks,
        channel: () => new BroadcastChannel('test.computing'),
        createClient: () => Promise.reject(new Error('The browser has no key store.'))
      },
      {
        onSnapshot: (snapshot) => {
          seen.push(snapshot)
        },
        onUnit: () => undefined
      }
    )
    ends.push(() => {
      tabs.end()
    })
    await tabs.start(false)
    expect(seen.at(-1)).toMatchObject({ phase: 'failed', failure: 'The browser has no key store.' })
    await tabs.start(false)
    expect(seen.map((snapshot) => snapshot.phase)).toEqual(['starting', 'failed', 'starting', 'failed'])
  })
})
