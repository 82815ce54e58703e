/**
 * Keeps the workers of job code: makes them, counts and trims what they say, ends them on order, answers pings, and evaluates
 * nothing that it receives. The inline script of the browser's sandbox and the trusted script of the headless cage are both this.
 */
import type { UnitAnswer, UnitOrder } from '../compute/pool/unit-protocol.ts'
import type { FrameMessage, FrameOrder, SandboxProgram } from './frame-messages.ts'

const VALUE_MAX_BYTES = 1_048_576
const STATE_MAX_BYTES = 16_777_216
/** Progress and saved states that a program may tell unasked: as many at once, and as many in a second. Ours tells ten at most. */
const UNASKED_BURST = 30
const UNASKED_PER_SECOND = 15
const TEXT_MAX_LENGTH = 2_000

export interface HostedWorker {
  post(order: UnitOrder<unknown>): void
  terminate(): void
}

export interface HostPorts {
  readonly programs: Readonly<Partial<Record<SandboxProgram, string>>>
  readonly tell: (message: FrameMessage, transfer: ArrayBuffer[]) => void
  /** `onError` gets the line in `source`, 0 when there is none. */
  readonly start: (source: string, onData: (data: unknown) => void, onError: (message: string, line: number) => void) => HostedWorker
}

interface Running {
  readonly worker: HostedWorker
  /** Answers that it may still give. */
  left: number
  unasked: number
  countedAt: number
}

/** A copy with the known fields only, or null when it is no answer. The other side checks again: this keeps floods and big clones in here. */
function trimmed(data: unknown): UnitAnswer | null {
  if (data === null || typeof data !== 'object') return null
  const { type, unit, value, computeMs, reason, message, fraction, state } = data as {
    [key in 'type' | 'unit' | 'value' | 'computeMs' | 'reason' | 'message' | 'fraction' | 'state']?: unknown
  }
  if (type === 'loaded') return { type }
  if (type === 'progress') return typeof unit === 'number' && typeof fraction === 'number' ? { type, unit, fraction } : null
  if (type === 'saved') {
    return typeof unit === 'number' && state instanceof Uint8Array && state.buffer instanceof ArrayBuffer && owns(state, STATE_MAX_BYTES)
      ? { type, unit, state: new Uint8Array(state.buffer) }
      : null
  }
  if (
    type === 'value' &&
    typeof unit === 'number' &&
    typeof computeMs === 'number' &&
    value instanceof Uint8Array &&
    value.buffer instanceof ArrayBuffer
  ) {
    return owns(value, VALUE_MAX_BYTES) ? { type, unit, value: new Uint8Array(value.buffer), computeMs } : null
  }
  if (typeof reason !== 'string' || typeof message !== 'string') return null
  const refusal = { reason: reason.slice(0, 40) as 'runtime_error', message: message.slice(0, TEXT_MAX_LENGTH) }
  if (type === 'refused') return { type, ...refusal }
  return type === 'failure' && typeof unit === 'number' && typeof computeMs === 'number' ? { type, unit, ...refusal, computeMs } : null
}

/** A clone carries the whole buffer, whatever the view shows. */
function owns({ buffer, byteLength }: Uint8Array, most: number): boolean {
  return buffer.byteLength === byteLength && byteLength <= most
}

/** Whether the program may say this now: what it was asked for, or one of the few things that it may tell by itself. */
function mayTell(running: Running, answer: UnitAnswer | null): boolean {
  if (answer?.type !== 'progress' && answer?.type !== 'saved') return --running.left >= 0
  const now = performance.now()
  running.unasked = Math.min(UNASKED_BURST, running.unasked + ((now - running.countedAt) / 1_000) * UNASKED_PER_SECOND) - 1
  running.countedAt = now
  return running.unasked >= 0
}

function transferred(answer: UnitAnswer): ArrayBuffer[] {
  return answer.type === 'value' ? [answer.value.buffer] : answer.type === 'saved' ? [answer.state.buffer] : []
}

/** Returns what obeys the orders. */
export function unitHost({ programs, tell, start }: HostPorts): (order: FrameOrder) => void {
  const workers = new Map<number, Running>()

  function end(id: number, message: string): void {
    workers.get(id)?.worker.terminate()
    if (workers.delete(id)) tell({ type: 'ended', worker: id, message: message.slice(0, TEXT_MAX_LENGTH) }, [])
  }

  function open(id: number, program: string, script: string): void {
    const head = `${program}\n`
    const worker = start(
      head + script,
      (data) => {
        if (workers.get(id) !== running) return
        const answer = trimmed(data)
        if (!mayTell(running, answer)) end(id, 'The program sent more messages than it was asked for')
        else if (answer === null) end(id, 'The program sent what is no answer')
        else tell({ type: 'answer', worker: id, answer }, transferred(answer))
      },
      (message, line) => {
        const own = line - head.split('\n').length + 1
        end(id, own > 0 ? `line ${own}: ${message}` : message || 'The worker could not start')
      }
    )
    const running: Running = { worker, left: 0, unasked: UNASKED_BURST, countedAt: performance.now() }
    workers.set(id, running)
  }

  return (order) => {
    if (order.type === 'ping') {
      tell({ type: 'pong', count: order.count }, [])
    } else if (order.type === 'open') {
      open(order.worker, programs[order.program] ?? '', order.script)
    } else if (order.type === 'close') {
      workers.get(order.worker)?.worker.terminate()
      workers.delete(order.worker)
    } else {
      const running = workers.get(order.worker)
      if (running === undefined) return
      if (order.order.type !== 'lend') running.left += order.order.type === 'run' ? order.order.count : 1
      running.worker.post(order.order)
    }
  }
}
