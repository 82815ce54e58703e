/** Progress of a job: a bar on a terminal, a line every ten seconds elsewhere. */
import type { JobSummary } from '@peercompute/job-specs'
import { count, duration, percent } from './format.ts'
import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 24
const LINE_EVERY_MS = 10_000
const FRAME_MS = 100

export function bar(part: number, whole: number, width = BAR_WIDTH): string {
  const filled = whole === 0 ? 0 : Math.floor((part / whole) * width)
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}

/** One line that says how far a job is. `rate` is validated units per second, 0 when it is not known. */
export function progressLine(job: JobSummary, rate: number): string {
  const { validated, validating, inProgress, errored } = job.units
  const left = job.unitCount - validated - errored
  const parts = [
    `${count(validated)} of ${count(job.unitCount)} units verified`,
    ...(inProgress + validating > 0 ? [`${count(inProgress)} computing, ${count(validating)} awaiting a second result`] : []),
    ...(errored > 0 ? [`${count(errored)} failed`] : []),
    ...(rate > 0 && left > 0 ? [`about ${duration((left / rate) * 1_000)} left`] : [])
  ]
  return parts.join(' · ')
}

export interface Progress {
  show(job: JobSummary): void
}

export function createProgress(terminal: Terminal, now: () => number = Date.now): Progress {
  let first: { at: number; validated: number } | undefined
  let shownAt = -Infinity
  return {
    show(job) {
      const at = now()
      first ??= { at, validated: job.units.validated }
      const ended = job.state !== 'queued' && job.state !== 'running' && job.state !== 'paused'
      if (!ended && at - shownAt < (terminal.isTerminal ? FRAME_MS : LINE_EVERY_MS)) return
      shownAt = at
      const seconds = (at - first.at) / 1_000
      const rate = seconds > 0 ? (job.units.validated - first.validated) / seconds : 0
      const line = progressLine(job, rate)
      const full = `${percent(job.units.validated, job.unitCount)} · ${line}`
      if (terminal.isTerminal) terminal.live(`${bar(job.units.validated, job.unitCount)} ${full}`.slice(0, terminal.columns - 1))
      else terminal.talk(full)
    }
  }
}
