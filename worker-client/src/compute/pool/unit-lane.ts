/** The host's side of the unit protocol: one program, one order at a time, every wait with a deadline. */
import type { Lending, RunEvents } from '../compute-worker.ts'
import type { ChannelEnd, Refusal, UnitAnswer, UnitChannel } from './unit-protocol.ts'

/** A message may already wait behind the timer that fires for it (a janky page, a busy event loop). */
const GRACE_MS = 250

export type LoadEnd =
  { readonly end: 'loaded' } | { readonly end: 'refused'; readonly refusal: Refusal } | { readonly end: 'lost'; readonly message: string }

/** After anything but `done` the lane is closed. `failed` blames the first unit without an outcome. */
export type RunEnd =
  { readonly end: 'done' } | { readonly end: 'failed'; readonly refusal: Refusal } | { readonly end: 'lost'; readonly message: string }

interface Waiting {
  readonly onAnswer: (answer: UnitAnswer) => void
  readonly onEnd: (end: ChannelEnd | { readonly end: 'timeout' }) => void
}

export class UnitLane<Task> {
  readonly #channel: UnitChannel<Task>
  readonly #shareOf: (lending: Lending) => number
  readonly #onSilent: (() => void) | undefined
  #waiting: Waiting | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #ended: ChannelEnd | undefined
  /** Share of the time that is lent; what is left of the limit, in lent milliseconds, at that moment. */
  #share = 1
  #left = 0
  #countedAt = 0

  /**
   * `shareOf`: what part of the time the program may compute. Its limits are of that time only. `onSilent`: for a program of ours that
   * keeps a unit's time itself. The limit then counts from its last word, progress included, and this is told when it ran out.
   */
  constructor(channel: UnitChannel<Task>, shareOf: (lending: Lending) => number = () => 1, onSilent?: () => void) {
    this.#channel = channel
    this.#shareOf = shareOf
    this.#onSilent = onSilent
    channel.listen(
      (answer) => {
        this.#answer(answer)
      },
      (end) => {
        this.#end(end)
      }
    )
  }

  get closed(): boolean {
    return this.#ended !== undefined
  }

  load(task: Task, limitMs: number): Promise<LoadEnd> {
    return this.#order<LoadEnd>({ type: 'load', task }, limitMs, (resolve) => ({
      onAnswer: (answer) => {
        if (answer.type === 'loaded') resolve({ end: 'loaded' })
        else if (answer.type === 'refused') resolve({ end: 'refused', refusal: { reason: answer.reason, message: answer.message } })
        else this.#breach(answer)
      },
      onEnd: (end) => {
        if (end.end === 'timeout')
          resolve({ end: 'refused', refusal: { reason: 'timeout', message: `The program did not start within ${limitMs / 1000} s` } })
        else if (end.end === 'error') resolve({ end: 'refused', refusal: { reason: 'compile_error', message: end.message } })
        else resolve({ end: 'lost', message: end.message })
      }
    }))
  }

  /** `unitMs` bounds each unit by the wall clock. Outcomes come in the order of the units. `resume` is a state of unit `start`. */
  run(start: number, count: number, unitMs: number, events: RunEvents, resume?: Uint8Array<ArrayBuffer>): Promise<RunEnd> {
    let next = start
    events.began?.(start)
    return this.#order<RunEnd>({ type: 'run', start, count, ...(resume === undefined ? {} : { resume }) }, unitMs, (resolve) => ({
      onAnswer: (answer) => {
        if (this.#onSilent !== undefined) this.#arm(unitMs)
        if (answer.type === 'progress' && answer.unit === next) {
          events.progress?.(next, answer.fraction)
          return
        }
        if (answer.type === 'saved' && answer.unit === next) {
          events.saved?.(next, answer.state)
          return
        }
        if ((answer.type !== 'value' && answer.type !== 'failure') || answer.unit !== next) {
          this.#breach(answer)
          return
        }
        next++
        if (next === start + count) resolve({ end: 'done' })
        else this.#arm(unitMs)
        const { unit, computeMs } = answer
        events.outcome(
          answer.type === 'value'
            ? { unit, ok: true, value: answer.value, computeMs }
            : { unit, ok: false, reason: answer.reason, message: answer.message, computeMs }
        )
        if (next < start + count) events.began?.(next)
      },
      onEnd: (end) => {
        if (end.end === 'timeout') this.#onSilent?.()
        const passed = this.#onSilent === undefined ? 'The unit took longer than' : 'Nothing was heard of the unit for'
        if (end.end === 'timeout') resolve({ end: 'failed', refusal: { reason: 'timeout', message: `${passed} ${unitMs / 1000} s` } })
        else if (end.end === 'error') resolve({ end: 'failed', refusal: { reason: 'runtime_error', message: end.message } })
        else resolve({ end: 'lost', message: end.message })
      }
    }))
  }

  lend(lending: Lending): void {
    if (this.#ended !== undefined) return
    this.#channel.post({ type: 'lend', lending })
    this.#left -= (performance.now() - this.#countedAt) * this.#share
    this.#share = this.#shareOf(lending)
    if (this.#waiting !== undefined) this.#arm(Math.max(0, this.#left))
  }

  /** Stops the program, whatever it does. A pending order ends as `lost`. */
  close(): void {
    this.#end({ end: 'lost', message: 'stopped' })
  }

  #order<End>(
    order: Parameters<UnitChannel<Task>['post']>[0],
    limitMs: number,
    wait: (resolve: (end: End) => void) => Waiting
  ): Promise<End> {
    return new Promise<End>((resolve) => {
      const waiting = wait((end) => {
        this.#waiting = undefined
        clearTimeout(this.#timer)
        resolve(end)
      })
      if (this.#ended !== undefined) {
        waiting.onEnd(this.#ended)
        return
      }
      this.#waiting = waiting
      this.#arm(limitMs)
      this.#channel.post(order)
    })
  }

  #answer(answer: UnitAnswer): void {
    if (this.#ended === undefined) this.#waiting?.onAnswer(answer)
  }

  #breach(answer: UnitAnswer): void {
    this.#end({ end: 'error', message: `The program answered "${answer.type}" out of turn` })
  }

  #arm(limitMs: number): void {
    clearTimeout(this.#timer)
    this.#left = limitMs
    this.#countedAt = performance.now()
    if (this.#share === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => {
        this.#end({ end: 'timeout' })
      }, GRACE_MS)
    }, limitMs / this.#share)
  }

  #end(end: ChannelEnd | { readonly end: 'timeout' }): void {
    if (this.#ended !== undefined) return
    this.#ended = end.end === 'timeout' ? { end: 'lost', message: 'stopped after a time-out' } : end
    clearTimeout(this.#timer)
    this.#channel.close()
    this.#waiting?.onEnd(end)
  }
}
