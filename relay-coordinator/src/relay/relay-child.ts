/** One relay process from the scheduler's side: started, watched, and started again when it ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { PeerComputeError } from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { pipeChannel, type FrameChannel } from '@peercompute/p2p'
import { backoffDelay, type Clock, type Random } from '@peercompute/p2p/time'
import { fromRelaySchema, type StartRelay, type ToRelay } from './relay-messages.ts'
import { createUplink, type Uplink } from './uplink.ts'

const PROGRAM = fileURLToPath(new URL('./relay-process.ts', import.meta.url))
const RESTART_BACKOFF = { baseMs: 250, capMs: 10_000 }
/** A process that lived so long was a good one: its successor comes soon. */
const GOOD_LIFE_MS = 30_000
/** One that has said nothing for so long hangs, and is killed. */
const SILENCE_MS = 20_000
const END_MS = 5_000

export interface RelayChildInit {
  /** Where it listens, what it keeps. `port: 0` becomes the port of the first start. */
  readonly start: StartRelay
  readonly serve: (channel: FrameChannel, subnet: string) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  /** It is up, for the first time or again. */
  readonly onReady: () => void
  /** What an operator should read: why it ended, why it cannot start. */
  readonly onTrouble: (sentence: string) => void
}

export interface RelayChild {
  /** Null before the first time that it was up. Key and port outlive the process. */
  readonly place: { readonly peerId: string; readonly port: number; readonly addresses: readonly string[] } | null
  /** Epoch ms since which it is down; null while it is up. */
  readonly downSince: number | null
  /** libp2p peers that are connected, other relays aside. */
  readonly clients: number
  readonly streams: number
  readonly restarts: number
  readonly pid: number | undefined
  /** Resolves when it was up once. Rejects with what it says is wrong, e.g. PORT_IN_USE. */
  readonly ready: Promise<void>
  tell(message: ToRelay): void
  /** Lets it say goodbye, then ends it. */
  close(): Promise<void>
}

export function startRelayChild(init: RelayChildInit): RelayChild {
  const { clock, random } = init
  const first = Promise.withResolvers<undefined>()
  let place: RelayChild['place'] = null
  let downSince: number | null = clock.now()
  let clients = 0
  let starts = 0
  let attempt = 0
  let closing = false
  let running: { readonly child: ChildProcess; readonly uplink: Uplink } | null = null
  let cancelRestart: () => void = () => undefined

  function launch(): void {
    starts++
    const startedAt = clock.now()
    const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
    const socket = child.stdio[3]
    if (!(socket instanceof Duplex)) throw new PeerComputeError('INTERNAL', 'the relay process has no socket')
    let cancelSilence: () => void = () => undefined
    const heard = (): void => {
      cancelSilence()
      cancelSilence = clock.schedule(SILENCE_MS, () => {
        init.onTrouble(`it has said nothing for ${SILENCE_MS} ms and is ended`)
        child.kill('SIGKILL')
      })
    }
    const uplink = createUplink({
      socket,
      onTold: (told) => {
        heard()
        follow(told)
      },
      onOpen: (pipe, origin) => {
        void init.serve(pipeChannel(pipe, { limit: WORK_FRAME_MAX_BYTES }), origin.subnet)
      },
      onClosed: () => {
        if (!closing) child.kill('SIGKILL') // Without its leash it ends by itself, unless it hangs.
      }
    })
    const ended = (why: string): void => {
      if (running?.child !== child) return
      running = null
      cancelSilence()
      uplink.close()
      downSince ??= clock.now()
      clients = 0
      if (closing) return
      if (place === null) {
        first.reject(new PeerComputeError('INTERNAL', `a relay process has ended: ${why}`))
        return
      }
      if (clock.now() - startedAt >= GOOD_LIFE_MS) attempt = 0
      init.onTrouble(`it has ended (${why}) and is started again`)
      cancelRestart = clock.schedule(backoffDelay(RESTART_BACKOFF, attempt++, random), launch)
    }
    child.on('error', (error) => {
      ended(error.message)
    })
    child.on('exit', (code, signal) => {
      ended(signal ?? `exit ${code ?? 0}`)
    })
    running = { child, uplink }
    heard()
    tell({ ...init.start, port: place?.port ?? init.start.port })
  }

  function follow(told: unknown): void {
    const message = fromRelaySchema.parse(told)
    if (message.type === 'state') clients = message.clients
    else if (message.type === 'ready') {
      place = { peerId: message.peerId, port: message.port, addresses: message.addresses }
      downSince = null
      init.onReady()
      first.resolve(undefined)
    } else {
      first.reject(new PeerComputeError(message.code, message.detail))
      init.onTrouble(message.detail)
      if (place !== null) running?.child.kill('SIGKILL') // It comes back after a pause; a port may be free again then.
    }
  }

  function tell(message: ToRelay): void {
    running?.uplink.tell(message)
  }

  launch()
  return {
    get place() {
      return place
    },
    get downSince() {
      return downSince
    },
    get clients() {
      return clients
    },
    get streams() {
      return running?.uplink.streams ?? 0
    },
    get restarts() {
      return starts - 1
    },
    get pid() {
      return running?.child.pid
    },
    ready: first.promise.then(() => undefined),
    tell,
    async close() {
      closing = true
      cancelRestart()
      const now = running
      if (now === null) return
      const exited = once(now.child, 'exit')
      const cancel = clock.schedule(END_MS, () => now.child.kill('SIGKILL'))
      now.uplink.close()
      await exited
      cancel()
    }
  }
}
