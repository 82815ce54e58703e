/** The page's side of the sandbox: an iframe of an opaque origin that is watched, checked and rebuilt. */
import type { ChannelEnd, UnitAnswer, UnitChannel } from '../compute/pool/unit-protocol.ts'
import { frameBatchSchema, type FrameMessage, type FrameWord, type SandboxProgram } from './frame-messages.ts'

/** Attribute of the iframe. Never add `allow-same-origin`. */
export const FRAME_SANDBOX = 'allow-scripts'

const PING_MS = 1_000
const MISSED_PINGS = 3
/** A frame on a busy machine, behind a slow network. */
const READY_MS = 20_000
/** Batches, each answered before the next. An honest frame is far below it. */
const BATCHES_PER_PING = 10_000

/** Chromium lets a worker that was terminated in a loop go on for so long, unless its process ends. */
const STRAY_MS = 2_500

interface OpenWorker {
  readonly program: SandboxProgram
  /** Answers to orders that are still to come: while there are some, it is at work. */
  owed: number
  readonly onAnswer: (answer: UnitAnswer) => void
  readonly onEnd: (end: ChannelEnd) => void
}

/** One life of the iframe. */
interface Frame {
  readonly element: HTMLIFrameElement
  readonly workers: Map<number, OpenWorker>
  /** Orders that wait for the frame's first message; null afterwards. */
  queued: FrameWord[] | null
  pings: number
  pongs: number
  /** Since the last ping. */
  batches: number
  /** Until when a program of a job that was ended at work may go on. */
  strayUntil: number
  readonly bornAt: number
}

export interface SandboxFrameOptions {
  /** Address of the sandbox document. */
  readonly url: string
  readonly document: Document
}

/**
 * Makes workers inside the sandbox. The frame is created with the first worker. It is removed, and with it everything that runs
 * inside, when it misses three pings or breaks the rules; its workers then end as `lost` and the next one gets a new frame.
 */
export class SandboxFrame {
  readonly #url: string
  readonly #document: Document
  readonly #window: Window & typeof globalThis
  #frame: Frame | undefined
  #lastWorker = 0
  #watch: ReturnType<typeof setInterval> | undefined

  constructor({ url, document }: SandboxFrameOptions) {
    const { defaultView } = document
    if (defaultView === null) throw new TypeError('Cannot make a sandbox: the document has no window')
    this.#url = url
    this.#document = document
    this.#window = defaultView
  }

  /** `script` is the job's own code for `cpu`, as `moduleToScript` makes it; empty without one. */
  channel<Task>(program: SandboxProgram, script: string): UnitChannel<Task> {
    const frame = this.#frame ?? this.#build()
    const worker = ++this.#lastWorker
    return {
      listen: (onAnswer, onEnd) => {
        frame.workers.set(worker, { program, owed: 0, onAnswer, onEnd })
        const wrapped = script === '' ? '' : `globalThis.peercomputeKernel=(()=>{${script}\n})()`
        if (frame === this.#frame) this.#send(frame, { type: 'open', worker, program, script: wrapped })
        else onEnd({ end: 'lost', message: 'The sandbox was rebuilt' })
      },
      post: (order) => {
        const open = frame.workers.get(worker)
        if (open !== undefined && order.type !== 'lend') open.owed += order.type === 'run' ? order.count : 1
        this.#send(frame, { type: 'order', worker, order })
      },
      close: () => {
        this.#closeWorker(frame, worker)
      }
    }
  }

  /** Removes the frame. Everything inside ends at once. */
  close(): void {
    if (this.#frame !== undefined) this.#drop(this.#frame, 'The sandbox was closed')
  }

  #build(): Frame {
    const element = this.#document.createElement('iframe')
    element.setAttribute('sandbox', FRAME_SANDBOX)
    element.referrerPolicy = 'no-referrer'
    element.title = 'Sandbox for volunteer computing'
    element.hidden = true
    element.src = this.#url
    const frame: Frame = {
      element,
      workers: new Map(),
      queued: [],
      pings: 0,
      pongs: 0,
      batches: 0,
      strayUntil: 0,
      bornAt: this.#window.performance.now()
    }
    this.#frame = frame
    this.#window.addEventListener('message', this.#receive)
    this.#watch = setInterval(() => {
      this.#check(frame)
    }, PING_MS)
    this.#document.body.append(element)
    return frame
  }

  /** Frames of one site share a process, which ends with the last of them: only that stops a loop at once. Programs at rest are lost with it. */
  #closeWorker(frame: Frame, id: number): void {
    const worker = frame.workers.get(id)
    if (worker === undefined) return
    frame.workers.delete(id)
    this.#send(frame, { type: 'close', worker: id })
    const now = this.#window.performance.now()
    if (worker.program === 'cpu' && worker.owed > 0) frame.strayUntil = now + STRAY_MS
    if (now < frame.strayUntil && [...frame.workers.values()].every(({ owed }) => owed === 0)) this.#drop(frame, 'The sandbox was renewed')
  }

  #send(frame: Frame, order: FrameWord): void {
    if (frame !== this.#frame) return
    if (frame.queued === null) frame.element.contentWindow?.postMessage(order, '*')
    else frame.queued.push(order)
  }

  /** Messages of the frame have the origin "null", so only the source tells them from others. */
  readonly #receive = (event: MessageEvent<unknown>): void => {
    const frame = this.#frame
    if (frame === undefined || event.source !== frame.element.contentWindow) return
    if (++frame.batches > BATCHES_PER_PING) {
      this.#drop(frame, 'The sandbox sent too many messages')
      return
    }
    const batch = frameBatchSchema.safeParse(event.data)
    if (!batch.success) {
      this.#drop(frame, 'The sandbox sent a message of the wrong form')
      return
    }
    this.#send(frame, { type: 'heard' })
    // A listener may close the frame.
    for (const message of batch.data) if (frame === this.#frame) this.#handle(frame, message)
  }

  #handle(frame: Frame, message: FrameMessage): void {
    if (message.type === 'pong') {
      frame.pongs = frame.pings
    } else if (message.type === 'answer') {
      const worker = frame.workers.get(message.worker)
      if (worker === undefined) return
      if (message.answer.type !== 'progress' && message.answer.type !== 'saved') worker.owed--
      worker.onAnswer(message.answer)
    } else if (message.type === 'ended') {
      const worker = frame.workers.get(message.worker)
      frame.workers.delete(message.worker)
      worker?.onEnd({ end: 'error', message: message.message })
    } else {
      const { queued } = frame
      frame.queued = null
      for (const order of queued ?? []) this.#send(frame, order)
    }
  }

  /** Counts pings, not seconds: a hidden tab has slow timers. */
  #check(frame: Frame): void {
    frame.batches = 0
    if (frame.queued !== null) {
      if (this.#window.performance.now() - frame.bornAt > READY_MS) this.#drop(frame, `The sandbox page ${this.#url} did not start`)
    } else if (frame.pings - frame.pongs >= MISSED_PINGS) {
      this.#drop(frame, 'The sandbox stopped answering')
    } else {
      this.#send(frame, { type: 'ping', count: ++frame.pings })
    }
  }

  #drop(frame: Frame, message: string): void {
    clearInterval(this.#watch)
    this.#window.removeEventListener('message', this.#receive)
    this.#frame = undefined
    frame.element.remove()
    const workers = [...frame.workers.values()]
    frame.workers.clear()
    for (const { onEnd } of workers) onEnd({ end: 'lost', message })
  }
}
