/** How smoothly the page is drawn: a few frames are timed every few seconds while it is in view, so that watching costs nothing. */
import type { Clock } from '@peercompute/p2p/time'

const FRAMES = 20
const SAMPLE_EVERY_MS = 3_000

/** What of a window is touched. */
export interface FrameScope {
  requestAnimationFrame(callback: (time: number) => void): number
  readonly document: Pick<Document, 'visibilityState'>
}

export interface FrameWatch {
  /** 95th percentile of the gaps of the last sample; null while the page is hidden or was not timed yet. */
  readonly gapMs: number | null
  stop(): void
}

export function watchFrames(scope: FrameScope, clock: Clock, onSample: () => void): FrameWatch {
  let gapMs: number | null = null
  let stopped = false
  let cancel: () => void = () => undefined
  const isHidden = () => scope.document.visibilityState === 'hidden'

  const rest = () => {
    cancel()
    if (!stopped) cancel = clock.schedule(SAMPLE_EVERY_MS, sample)
  }
  const sample = () => {
    if (isHidden()) {
      gapMs = null
      rest()
      return
    }
    const gaps: number[] = []
    let last: number | null = null
    const frame = (time: number) => {
      if (stopped) return
      // A page that is hidden in the middle gets no frames until it is shown: that gap is no stutter.
      if (isHidden()) {
        rest()
        return
      }
      if (last !== null) gaps.push(time - last)
      last = time
      if (gaps.length < FRAMES) {
        scope.requestAnimationFrame(frame)
        return
      }
      gapMs = percentile95(gaps)
      onSample()
      rest()
    }
    scope.requestAnimationFrame(frame)
  }
  sample()

  return {
    get gapMs() {
      return isHidden() ? null : gapMs
    },
    stop() {
      stopped = true
      cancel()
    }
  }
}

function percentile95(gaps: readonly number[]): number | null {
  return [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length * 0.95)] ?? null
}
