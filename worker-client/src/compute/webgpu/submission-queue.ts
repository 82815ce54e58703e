/**
 * The one way to a device: a few short submissions in flight, never more, each timed, with rests between them as the lending says.
 * Runs inside the sandbox and in Node.
 */
import { GUARD_BYTES } from '@peercompute/job-specs/launch'
import type { Lending } from '../compute-worker.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { DutyCycle } from './duty-cycle.ts'
import { USAGE } from './unit-buffers.ts'

/** Two keep the device busy while JavaScript turns one round; more only delay a pause. */
const DEPTH = 2
const TIMES_BYTES = 16
/** Times of a device are believed up to so much over what passed outside. */
const TIMES_TOLERANCE = 1.5

export interface GpuClock {
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Called before each wait with the expected milliseconds, so that a host whose waiting is expensive can sleep first. */
  readonly beforeWait: (expectedMs: number) => Promise<void>
}

export interface Submission {
  readonly estimateMs: number
  /** Commands before the dispatches, the dispatches, and commands after them. */
  readonly before: (encoder: GPUCommandEncoder) => void
  readonly compute: (pass: GPUComputePassEncoder) => void
  readonly after: (encoder: GPUCommandEncoder) => void
  readonly guard: GPUBuffer | null
}

export interface Receipt {
  /** How long the device worked on it. */
  readonly busyMs: number
  /** Words of the guard after it; empty without one. */
  readonly guard: readonly number[]
  /** What the device complained about, or null. */
  readonly complaint: Refusal | null
}

interface Tray {
  readonly map: GPUBuffer
  readonly queries: GPUQuerySet | null
  readonly times: GPUBuffer | null
}

interface InFlight {
  readonly owner: number
  readonly submittedAt: number
  readonly estimateMs: number
  readonly tray: Tray
  readonly guarded: boolean
  readonly complaint: Promise<Refusal | null>
  readonly settle: (receipt: Receipt | null) => void
}

export class SubmissionQueue {
  readonly #device: GPUDevice
  readonly #timestamps: boolean
  readonly #clock: GpuClock
  readonly #lost: Promise<null>
  readonly #duty = new DutyCycle()
  readonly #trays: Tray[] = []
  readonly #inFlight: InFlight[] = []
  #wake = Promise.withResolvers<null>()
  #turn: Promise<void> = Promise.resolve()
  #doneAt = 0
  #collecting = false
  /** Whether the device timed the last submission. Where it does not, a sleep would pass for its work, and bear out the estimate that set it. */
  #timed = false
  #ended = false

  /** Whose submission the device was at when it was lost; undefined when it rested. */
  blamed: number | undefined

  constructor(device: GPUDevice, timestamps: boolean, clock: GpuClock) {
    this.#device = device
    this.#timestamps = timestamps
    this.#clock = clock
    this.#lost = device.lost.then(() => {
      this.blamed ??= this.#inFlight[0]?.owner
      this.end()
      return null
    })
  }

  /** How long the oldest submission has been expected back, in milliseconds. */
  get lateMs(): number {
    const [first] = this.#inFlight
    return first === undefined ? 0 : Math.max(0, this.#clock.now() - Math.max(first.submittedAt, this.#doneAt) - first.estimateMs)
  }

  lend({ gpuShare }: Lending): void {
    if (gpuShare !== this.#duty.share) this.#duty.lend(gpuShare)
    this.#changed()
  }

  /** Nothing is submitted any more. What is in flight ends by itself, unless the device is gone. */
  end(): void {
    this.#ended = true
    this.#changed()
  }

  /**
   * Waits for its turn, then submits what `make` says at that moment. Null when the queue has ended. The receipt is null when the
   * device was lost. `owner`: the unit.
   */
  async next(owner: number, make: () => Submission): Promise<{ readonly receipt: Promise<Receipt | null> } | null> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#turn = promise
    try {
      await before
      return (await this.#room()) ? { receipt: this.#submit(owner, make()) } : null
    } finally {
      resolve(undefined)
    }
  }

  #changed(): void {
    this.#wake.resolve(null)
    this.#wake = Promise.withResolvers()
  }

  async #room(): Promise<boolean> {
    while (!this.#ended) {
      const full = this.#inFlight.length >= (this.#duty.share < 1 ? 1 : DEPTH)
      const restMs = full ? Number.POSITIVE_INFINITY : this.#duty.restMs(this.#clock.now())
      if (restMs <= 0) return true
      await (restMs === Number.POSITIVE_INFINITY ? this.#wake.promise : this.#rest(restMs))
    }
    return false
  }

  async #rest(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    await Promise.race([
      this.#wake.promise,
      new Promise((resolve) => {
        timer = setTimeout(resolve, ms)
      })
    ])
    clearTimeout(timer)
  }

  #tray(): Tray {
    const used = this.#trays.pop()
    if (used !== undefined) return used
    const map = this.#device.createBuffer({ size: TIMES_BYTES + GUARD_BYTES, usage: USAGE.mapRead | USAGE.copyDst })
    if (!this.#timestamps) return { map, queries: null, times: null }
    return {
      map,
      queries: this.#device.createQuerySet({ type: 'timestamp', count: 2 }),
      times: this.#device.createBuffer({ size: TIMES_BYTES, usage: USAGE.queryResolve | USAGE.copySrc })
    }
  }

  #submit(owner: number, { estimateMs, before, compute, after, guard }: Submission): Promise<Receipt | null> {
    const device = this.#device
    const tray = this.#tray()
    device.pushErrorScope('out-of-memory')
    device.pushErrorScope('validation')
    const encoder = device.createCommandEncoder()
    before(encoder)
    const pass = encoder.beginComputePass(
      tray.queries === null
        ? undefined
        : { timestampWrites: { querySet: tray.queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } }
    )
    compute(pass)
    pass.end()
    after(encoder)
    if (tray.queries !== null && tray.times !== null) {
      encoder.resolveQuerySet(tray.queries, 0, 2, tray.times, 0)
      encoder.copyBufferToBuffer(tray.times, 0, tray.map, 0, TIMES_BYTES)
    }
    if (guard !== null) encoder.copyBufferToBuffer(guard, 0, tray.map, TIMES_BYTES, GUARD_BYTES)
    device.queue.submit([encoder.finish()])
    const { promise, resolve } = Promise.withResolvers<Receipt | null>()
    this.#inFlight.push({
      owner,
      estimateMs,
      tray,
      guarded: guard !== null,
      submittedAt: this.#clock.now(),
      complaint: complaintOf(device.popErrorScope(), device.popErrorScope()),
      settle: resolve
    })
    if (!this.#collecting) void this.#collect()
    return promise
  }

  /** Receipts in order. The next one is asked for when it is due: Dawn in Node keeps a core busy while it is asked. */
  async #collect(): Promise<void> {
    this.#collecting = true
    for (let first = this.#inFlight[0]; first !== undefined; first = this.#inFlight[0]) {
      const began = Math.max(first.submittedAt, this.#doneAt)
      if (this.#timed) await this.#clock.beforeWait(began + first.estimateMs - this.#clock.now())
      const receipt = await this.#receiptOf(first, began).catch(() => this.#lost)
      this.#inFlight.shift()
      if (receipt !== null) this.#duty.spent(receipt.busyMs, began)
      first.settle(receipt)
      this.#changed()
    }
    this.#collecting = false
  }

  async #receiptOf({ tray, guarded, complaint }: InFlight, began: number): Promise<Receipt | null> {
    if ((await Promise.race([tray.map.mapAsync(1).then(() => tray), this.#lost])) === null) return null
    this.#doneAt = this.#clock.now()
    const passedMs = this.#doneAt - began
    const mapped = tray.map.getMappedRange()
    const [from = 0n, to = 0n] = new BigUint64Array(mapped, 0, 2)
    // Trays are used again: without a guard this part holds another kernel's.
    const guard = guarded ? [...new Uint32Array(mapped, TIMES_BYTES, GUARD_BYTES / 4)] : []
    tray.map.unmap()
    this.#trays.push(tray)
    const timedMs = Number(to - from) / 1e6
    this.#timed = timedMs > 0 && timedMs <= TIMES_TOLERANCE * passedMs + 1
    return { busyMs: this.#timed ? timedMs : passedMs, guard, complaint: await complaint }
  }
}

async function complaintOf(invalid: Promise<GPUError | null>, memory: Promise<GPUError | null>): Promise<Refusal | null> {
  try {
    const [wrong, full] = await Promise.all([invalid, memory])
    if (full !== null) return { reason: 'out_of_memory', message: full.message }
    return wrong === null ? null : { reason: 'runtime_error', message: wrong.message }
  } catch {
    return null
  }
}
