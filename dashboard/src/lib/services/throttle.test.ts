import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { throttled } from './throttle.ts'

describe('a throttled task', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('runs at once, then at most once an interval, and never loses the last call', () => {
    let runs = 0
    const call = throttled(100, () => {
      runs += 1
    })
    call()
    call()
    call()
    expect(runs).toBe(1)
    vi.advanceTimersByTime(100)
    expect(runs).toBe(2)
    vi.advanceTimersByTime(1_000)
    expect(runs).toBe(2)
    call()
    expect(runs).toBe(3)
  })
})
