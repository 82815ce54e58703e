/** Owns the device: gets it, notices its loss, gets another, and no third within ten minutes. Runs inside the sandbox and in Node. */
import { FULL_LENDING, type Lending } from '../compute-worker.ts'
import type { UnitProgram, UnitResult, UnitTelling } from '../pool/serve-units.ts'
import type { Refusal } from '../pool/unit-protocol.ts'
import { PipelineCache } from './compile-kernel.ts'
import { GPU_GONE, openDevice } from './gpu-device.ts'
import { gpuRunner, type GpuRunner } from './gpu-runner.ts'
import type { GpuTask } from './gpu-task.ts'
import { SubmissionQueue, type GpuClock } from './submission-queue.ts'

const LOSSES_MAX = 2
const LOSSES_WITHIN_MS = 600_000
/** Devices of different features kept open at the same time. */
const SESSIONS_MAX = 2
/** Each second a sign of life, so long as what was submitted is less than this late. */
const BEAT_MS = 1_000
const LATE_MS = 5_000

export interface GpuService {
  /** Prepares a job; the one before is forgotten. */
  load(task: GpuTask): Promise<UnitProgram | Refusal>
  /** Ends between two slices; devices are released when nothing runs on them. */
  stop(): void
}

interface Session {
  readonly device: GPUDevice
  readonly queue: SubmissionQueue
  readonly pipelines: PipelineCache
  /** Resolves when the device is lost. */
  readonly lost: Promise<Refusal>
  alive: boolean
}

interface Ready {
  readonly session: Session
  readonly runner: GpuRunner
}

export function gpuService(gpu: GPU | undefined, clock: GpuClock): GpuService {
  const sessions = new Map<string, Session>()
  let losses: number[] = []
  let lending: Lending = FULL_LENDING
  let loaded: Promise<Ready | Refusal> | undefined
  let stopped = false
  let running = 0

  async function open(task: GpuTask): Promise<Session | Refusal> {
    const key = JSON.stringify([task.features, task.limits])
    const known = sessions.get(key)
    if (known?.alive === true) return known
    losses = losses.filter((at) => clock.now() - at < LOSSES_WITHIN_MS)
    if (losses.length >= LOSSES_MAX) return { reason: 'device_lost', message: GPU_GONE }
    const opened = await openDevice(gpu, task)
    if ('reason' in opened) return opened
    const { device, timestamps } = opened
    const session: Session = {
      device,
      queue: new SubmissionQueue(device, timestamps, clock),
      pipelines: new PipelineCache(device),
      alive: true,
      lost: device.lost.then((info): Refusal => {
        session.alive = false
        if (info.reason !== 'destroyed' || sessions.get(key) === session) losses.push(clock.now())
        return { reason: 'device_lost', message: info.message === '' ? `The device was lost (${info.reason})` : info.message }
      })
    }
    sessions.delete(key)
    const [oldest] = sessions.keys()
    if (sessions.size >= SESSIONS_MAX && oldest !== undefined) {
      const closing = sessions.get(oldest)
      sessions.delete(oldest)
      closing?.device.destroy()
    }
    sessions.set(key, session)
    return session
  }

  async function prepare(task: GpuTask): Promise<Ready | Refusal> {
    const session = await open(task)
    if ('reason' in session) return session
    const runner = await Promise.race([gpuRunner({ ...session, now: clock.now }, task), session.lost])
    if ('reason' in runner) return runner
    for (let loss = 0; loss < losses.length; loss++) runner.budget.halve()
    aim(session, runner)
    return { session, runner }
  }

  function aim({ queue }: Session, { budget }: GpuRunner): void {
    queue.lend(lending)
    budget.aim(lending.sliceMs)
  }

  /** The job on a device that lives. Units that lost theirs together get the same new one. */
  async function ready(task: GpuTask): Promise<Ready | Refusal> {
    const asked = (loaded ??= prepare(task))
    const now = await asked
    const over = 'reason' in now ? now.reason === 'device_lost' : !now.session.alive
    if (over && loaded === asked) loaded = undefined
    return 'reason' in now || now.session.alive ? now : ready(task)
  }

  async function run(task: GpuTask, unit: number, telling: UnitTelling): Promise<UnitResult> {
    let on: Ready | undefined
    const beat = setInterval(() => {
      if (on === undefined || on.session.queue.lateMs < LATE_MS) telling.progress(on?.runner.fraction(unit) ?? 0)
    }, BEAT_MS)
    running++
    try {
      for (;;) {
        const next = await ready(task)
        if ('reason' in next) return next
        on = next
        const result = await on.runner.run(unit, telling)
        if (result !== null) return result
        if (stopped) return { reason: 'cancelled', message: 'The unit was stopped' }
        const loss = await on.session.lost
        if (on.session.queue.blamed === unit) return loss
      }
    } finally {
      clearInterval(beat)
      running--
    }
  }

  return {
    async load(task) {
      const before = await loaded
      if (before !== undefined && 'runner' in before && before.session.alive) before.runner.destroy()
      loaded = prepare(task)
      const first = await loaded
      if ('reason' in first) return first
      return {
        run: (unit, telling) => run(task, unit, telling),
        async roomAhead() {
          const on = await ready(task)
          if (!('reason' in on)) await Promise.race([on.runner.roomAhead(), on.session.lost])
        },
        lend(next) {
          lending = next
          void loaded?.then((on) => {
            if ('runner' in on) aim(on.session, on.runner)
          })
        }
      }
    },
    stop() {
      stopped = true
      for (const { queue, device } of sessions.values()) {
        queue.end()
        // Destroying a device with a hung kernel blocks the thread for ever in Dawn.
        if (running === 0) device.destroy()
      }
    }
  }
}
