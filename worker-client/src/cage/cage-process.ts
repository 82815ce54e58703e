/** One process of a cage: started, watched, checked, and killed with everything inside when it breaks the rules. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { setPriority } from 'node:os'
import type { ChannelEnd, UnitAnswer } from '../compute/pool/unit-protocol.ts'
import type { FrameOrder } from '../sandbox/frame-messages.ts'
import type { Cage } from './cage.ts'
import { CAGE_MESSAGE_MAX_BYTES, cageMessageSchema, type CageMessage } from './cage-messages.ts'
import { encodeFrame, FrameReader } from './frame-codec.ts'

const READY_MS = 20_000
const PING_MS = 250
const SILENT_PINGS = 20
/** Resident before any program runs (about 70 MB), and garbage that has not been collected. */
const OWN_MEMORY_BYTES = 268_435_456
/** Niceness: a program that spins must not starve the volunteer's own event loop, which counts its time. */
const PRIORITY = 10
/** More than any honest kernel reaches. */
const MESSAGES_PER_PING = 20_000

export interface OpenProgram {
  /** The job's own script; empty for WASM. */
  readonly script: string
  /** Resident memory that it may take beyond what the process has by itself. */
  readonly mostBytes: number
  readonly onAnswer: (answer: UnitAnswer) => void
  readonly onEnd: (end: ChannelEnd) => void
}

export class CageProcess {
  /** `limits.memoryBytes` of the jobs that may run in it. */
  readonly memoryBytes: number
  readonly #child: ChildProcessWithoutNullStreams
  readonly #reader = new FrameReader(CAGE_MESSAGE_MAX_BYTES)
  readonly #watch: ReturnType<typeof setInterval>
  readonly #bornAt = performance.now()
  #queued: FrameOrder[] | null = []
  #program: (OpenProgram & { readonly id: number }) | undefined
  #lastProgram = 0
  #pings = 0
  #pongs = 0
  #messages = 0
  #ended = false

  constructor(cage: Cage, memoryBytes: number) {
    this.memoryBytes = memoryBytes
    const { command, args, env } = cage.command(memoryBytes)
    // A group of its own, so that everything in it is killed together, and so that Ctrl-C reaches the volunteer's program alone.
    this.#child = spawn(command, args, { env, cwd: '/', detached: process.platform !== 'win32', stdio: 'pipe', windowsHide: true })
    this.#giveWay()
    this.#child.stdout.on('data', (piece: Uint8Array) => {
      this.#read(piece)
    })
    // What a runtime says when it dies: of no use to the researcher, and it must not fill the pipe.
    this.#child.stderr.resume()
    this.#child.stdin.on('error', () => undefined)
    this.#child.on('error', (error) => {
      this.end(`The cage does not start: ${error.message}`)
    })
    this.#child.on('exit', (code, signal) => {
      this.end(`The process of the program ended with ${signal ?? `code ${code ?? 0}`}`)
    })
    this.#watch = setInterval(() => {
      this.#check()
    }, PING_MS)
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Starts a program with a job's script; one at a time. */
  open(program: OpenProgram): void {
    const id = ++this.#lastProgram
    this.#program = { ...program, id }
    this.#pongs = this.#pings
    this.send({ type: 'open', worker: id, program: 'cpu', script: program.script })
  }

  order(order: Extract<FrameOrder, { type: 'order' }>['order']): void {
    this.send({ type: 'order', worker: this.#lastProgram, order })
  }

  /** Ends a program that is at rest; one that works is ended with its process. */
  closeProgram(): void {
    this.#program = undefined
    this.send({ type: 'close', worker: this.#lastProgram })
  }

  send(order: FrameOrder): void {
    if (this.#ended) return
    if (this.#queued === null) this.#child.stdin.write(encodeFrame(order))
    else this.#queued.push(order)
  }

  /** Kills the process. Its program ends as `lost`. */
  end(message: string): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#watch)
    this.#kill()
    const program = this.#program
    this.#program = undefined
    program?.onEnd({ end: 'lost', message })
  }

  /** At once: threads and processes that it starts later inherit it. */
  #giveWay(): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      setPriority(pid, PRIORITY)
    } catch {
      // it is gone already, or this system does not allow it
    }
  }

  #kill(): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      if (process.platform === 'win32') this.#child.kill('SIGKILL')
      else process.kill(-pid, 'SIGKILL')
    } catch {
      // it is gone already
    }
  }

  #read(piece: Uint8Array): void {
    if (this.#ended) return
    try {
      for (const data of this.#reader.push(piece)) {
        const message = cageMessageSchema.safeParse(data)
        if (!message.success) throw new TypeError('no message')
        if (++this.#messages > MESSAGES_PER_PING) throw new TypeError('too many messages')
        this.#handle(message.data)
      }
    } catch {
      this.end('The cage sent what is no message, or too many')
    }
  }

  #handle(message: CageMessage): void {
    if (message.type === 'pong') {
      this.#pongs = this.#pings
    } else if (message.type === 'memory') {
      const over = message.bytes - OWN_MEMORY_BYTES
      if (this.#program !== undefined && over > this.#program.mostBytes)
        this.end(`The program took more memory than limits.memoryBytes allows (${Math.round(this.memoryBytes / 1e6)} MB)`)
    } else if (message.type === 'answer') {
      if (message.worker === this.#program?.id) this.#program.onAnswer(message.answer)
    } else if (message.type === 'ended') {
      const program = this.#program
      if (message.worker !== program?.id) return
      this.#program = undefined
      program.onEnd({ end: 'error', message: message.message })
    } else {
      const queued = this.#queued ?? []
      this.#queued = null
      for (const order of queued) this.send(order)
    }
  }

  #check(): void {
    this.#messages = 0
    if (this.#queued !== null) {
      if (performance.now() - this.#bornAt > READY_MS) this.end(`The cage did not start within ${READY_MS / 1_000} s`)
    } else if (this.#program !== undefined) {
      if (this.#pings - this.#pongs >= SILENT_PINGS) this.end('The cage stopped answering')
      else this.send({ type: 'ping', count: ++this.#pings })
    }
  }
}
