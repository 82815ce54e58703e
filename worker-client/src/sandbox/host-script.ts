/**
 * The inline script of the sandbox document. It makes workers, counts and trims what they say, ends them on order, answers pings,
 * and evaluates nothing that it receives. `sandboxDocument` puts the two program texts in front and pins the hash of the whole.
 */
import type { UnitAnswer } from '../compute/pool/unit-protocol.ts'
import type { FrameMessage, FrameOrder } from './frame-messages.ts'

declare const CPU_PROGRAM: string
declare const GPU_PROGRAM: string

const VALUE_MAX_BYTES = 1_048_576
const STATE_MAX_BYTES = 16_777_216
/** Progress and saved states that a program may tell unasked: as many at once, and as many in a second. Ours tells ten at most. */
const UNASKED_BURST = 30
const UNASKED_PER_SECOND = 15
const TEXT_MAX_LENGTH = 2_000

interface Running {
  readonly worker: Worker
  /** Answers that it may still give. */
  left: number
  unasked: number
  countedAt: number
}

const workers = new Map<number, Running>()

function tell(message: FrameMessage, transfer: Transferable[] = []): void {
  parent.postMessage(message, '*', transfer)
}

/** A copy with the known fields only, or null when it is no answer. The page checks again: this keeps floods and big clones in here. */
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

function end(id: number, message: string): void {
  workers.get(id)?.worker.terminate()
  if (workers.delete(id)) tell({ type: 'ended', worker: id, message: message.slice(0, TEXT_MAX_LENGTH) })
}

function transferred(answer: UnitAnswer): ArrayBuffer[] {
  return answer.type === 'value' ? [answer.value.buffer] : answer.type === 'saved' ? [answer.state.buffer] : []
}

function open(id: number, program: string, script: string): void {
  const head = `${program}\n`
  const worker = new Worker(`data:text/javascript;charset=utf-8,${encodeURIComponent(head + script)}`)
  const running: Running = { worker, left: 0, unasked: UNASKED_BURST, countedAt: performance.now() }
  workers.set(id, running)
  worker.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (workers.get(id) !== running) return
    const answer = trimmed(data)
    if (!mayTell(running, answer)) end(id, 'The program sent more messages than it was asked for')
    else if (answer === null) end(id, 'The program sent what is no answer')
    else tell({ type: 'answer', worker: id, answer }, transferred(answer))
  }
  worker.onerror = (event) => {
    event.preventDefault()
    const line = event.lineno - head.split('\n').length + 1
    end(id, line > 0 ? `line ${line}: ${event.message}` : event.message || 'The worker could not start')
  }
}

function obey(order: FrameOrder): void {
  if (order.type === 'ping') {
    tell({ type: 'pong', count: order.count })
  } else if (order.type === 'open') {
    open(order.worker, order.program === 'cpu' ? CPU_PROGRAM : GPU_PROGRAM, order.script)
  } else if (order.type === 'close') {
    workers.get(order.worker)?.worker.terminate()
    workers.delete(order.worker)
  } else {
    const running = workers.get(order.worker)
    if (running === undefined) return
    if (order.order.type !== 'lend') running.left += order.order.type === 'run' ? order.order.count : 1
    running.worker.postMessage(order.order)
  }
}

// WebRTC is the one way out that the policy cannot close. A nested frame has another opaque origin and cannot give it back.
Reflect.deleteProperty(self, 'RTCPeerConnection')
Reflect.deleteProperty(self, 'webkitRTCPeerConnection')
addEventListener('message', (event: MessageEvent<FrameOrder>) => {
  if (event.source === parent) obey(event.data)
})
tell({ type: 'ready' })
