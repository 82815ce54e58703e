import { PROBE_VERSION, type Benchmark } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { measuredOnce, type BenchmarkStore } from './benchmark-store.ts'

const DAY_MS = 86_400_000
const fast: Benchmark = { floatPerSecond: 1e9, integerPerSecond: 2e9, bytesPerSecond: 3e9 }

function store(text: string | null = null): BenchmarkStore & { text: string | null } {
  return {
    text,
    read() {
      return Promise.resolve(this.text)
    },
    write(next) {
      this.text = next
      return Promise.resolve()
    }
  }
}
function counting(): { measure: () => Promise<Benchmark>; times: () => number } {
  let times = 0
  return {
    measure: () => {
      times++
      return Promise.resolve(fast)
    },
    times: () => times
  }
}

describe('measuredOnce', () => {
  it('measures the first time and not again', async () => {
    const kept = store()
    const { measure, times } = counting()
    expect(await measuredOnce(kept, 'js-a', measure)).toEqual(fast)
    expect(await measuredOnce(kept, 'js-a', measure)).toEqual(fast)
    expect(times()).toBe(1)
    await measuredOnce(kept, 'wasm', measure)
    await measuredOnce(kept, 'js-a', measure)
    expect(times()).toBe(2)
  })

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['another shape', '{"js-a":{"probeVersion":1}}'],
    ['an older probe', JSON.stringify({ 'js-a': { probeVersion: PROBE_VERSION - 1, measuredAt: Date.now(), benchmark: fast } })],
    ['a month ago', JSON.stringify({ 'js-a': { probeVersion: PROBE_VERSION, measuredAt: Date.now() - 31 * DAY_MS, benchmark: fast } })],
    ['the future', JSON.stringify({ 'js-a': { probeVersion: PROBE_VERSION, measuredAt: Date.now() + DAY_MS, benchmark: fast } })]
  ])('measures again what is of %s', async (_, text) => {
    const { measure, times } = counting()
    await measuredOnce(store(text), 'js-a', measure)
    expect(times()).toBe(1)
  })

  it('keeps the newest sixteen', async () => {
    const kept = store()
    const { measure } = counting()
    for (let index = 0; index < 20; index++) await measuredOnce(kept, `class-${index}`, measure)
    const names = Object.keys(JSON.parse(kept.text ?? '') as object)
    expect(names).toHaveLength(16)
    expect(names.at(-1)).toBe('class-19')
  })
})
