/**
 * A volunteer with real keys and the real work session, which computes nothing: its values are a function of the unit. As the real one
 * does, it keeps what it has found until it is acknowledged, and comes back for ever. All that it asks goes into the history.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ERRORS,
  PeerComputeError,
  sha256Hex,
  signReport,
  type ContentHash,
  type Lease,
  type Report,
  type RootId
} from '@peercompute/job-specs'
import { backoffDelay } from '@peercompute/p2p/time'
import {
  createGate,
  createIdentity,
  openWorkSession,
  sleepUntilOpen,
  systemClock,
  type Clock,
  type Identity,
  type WorkSession
} from '@peercompute/worker-client/node'
import type { History } from './history.ts'
import type { WorkLine } from './work-line.ts'

const EXECUTOR = 'js'
const NUMERIC_CLASS = 'light'
/** As in worker-client. */
const BACKOFF = { baseMs: 500, capMs: 10_000 }
const IN_FLIGHT_MAX = 4
/** It asks again sooner than it is told: what waits here is a test. */
const IDLE_MS = 500

export interface LightVolunteerInit {
  readonly name: string
  readonly line: WorkLine
  readonly root: RootId
  readonly history: History
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Bytes of a unit's value; null when it fails. */
  readonly resultOf: (unit: number) => Uint8Array | null
  readonly unitsPerAsk?: number
  readonly unitsPerReport?: number
  /** From a lease to its results. */
  readonly workMs?: number
  readonly numericClass?: string
  /** Its own clock, right or wrong. */
  readonly clock?: Clock
}

export interface LightVolunteer {
  readonly identity: Identity
  readonly connected: boolean
  /** Units that are leased and not yet in a report. */
  readonly inHand: number
  /** Reports that are not acknowledged. */
  readonly waiting: number
  /** Units in them. */
  readonly waitingUnits: number
  /** It was told to rest, and has nothing under way. */
  readonly atRest: boolean
  /** True: it delivers nothing, and goes on asking for work. */
  hold(holding: boolean): void
  /** True: it asks for no more work, and delivers what it has. */
  rest(resting: boolean): void
  /** Hangs up until `rejoin`; goes on with what it holds. */
  leave(): Promise<void>
  rejoin(): void
  stop(): Promise<void>
}

interface Waiting {
  readonly report: Report
  readonly values: Uint8Array
}

export async function startLightVolunteer(init: LightVolunteerInit): Promise<LightVolunteer> {
  const { name, line, history, random, resultOf, unitsPerAsk = 20, unitsPerReport = 5, workMs = 0, clock = systemClock } = init
  const { numericClass = NUMERIC_CLASS } = init
  const identity = await createIdentity({ label: name, now: clock.now(), extractableHost: true })
  const { host } = identity.certificate
  const over = new AbortController()
  const changed = createGate()
  const outbox = new Map<string, Waiting>()
  let session: WorkSession | null = null
  let resting = false
  let holding = false
  let atRest = false
  let away = false
  let inHand = 0

  const connect = async (): Promise<WorkSession> => {
    const opened = await history.perform(
      name,
      { op: 'connect', host },
      async () =>
        openWorkSession({
          channel: await line.open(),
          identity,
          host: {
            agent: `light/${name}`,
            memoryBytes: 2 ** 30,
            executors: [
              {
                kind: EXECUTOR,
                slots: 1,
                numericClass,
                probeVersion: 1,
                features: [],
                software: false,
                operationsPerSecond: 0
              }
            ]
          },
          pinnedRoot: init.root,
          // Its deadlines are real ones, however wrong its calendar is.
          clock: systemClock,
          onStop: () => undefined,
          onNudge: () => {
            changed.open()
          }
        }),
      () => ({})
    )
    void opened.ended.then(() => {
      changed.open()
    })
    return opened
  }

  const deliver = async (through: WorkSession, [key, { report, values }]: readonly [string, Waiting]): Promise<void> => {
    const { job, epoch } = report
    const units = report.units.map((unit) => ({ unit: unit.unit, digest: unit.outcome === 'success' ? unit.digest : null }))
    try {
      await history.perform(
        name,
        { op: 'report', host, job, epoch, units },
        () => through.report(report, values),
        (answers) => ({ units: [...answers] })
      )
    } catch (error) {
      if (!isFinal(error)) throw error
    }
    outbox.delete(key)
  }

  const finish = async ({ job, epoch, start, count }: Lease): Promise<void> => {
    for (let first = start; first < start + count; first += unitsPerReport) {
      const numbers = Array.from({ length: Math.min(unitsPerReport, start + count - first) }, (_, index) => first + index)
      const values = numbers.map(resultOf)
      const report = await signReport(identity.host, {
        v: 1,
        job,
        epoch,
        host,
        executor: EXECUTOR,
        numericClass,
        probeVersion: 1,
        ts: clock.now(),
        units: numbers.map((unit, index) => {
          const value = values[index]
          if (value === undefined || value === null) return { outcome: 'failure', unit, reason: 'timeout', message: 'a test', computeMs: 1 }
          return { outcome: 'success', unit, digest: sha256Hex(value) as ContentHash, bytes: value.length, computeMs: 1 }
        })
      })
      outbox.set(`${job}-${epoch}-${first}`, { report, values: Buffer.concat(values.filter((value) => value !== null)) })
    }
  }

  const work = async (through: WorkSession): Promise<void> => {
    const { leases, retryAfterMs } = await history.perform(
      name,
      { op: 'ask', host, units: unitsPerAsk },
      () => through.ask({ executor: EXECUTOR, units: unitsPerAsk, seconds: 0, knownJobs: [] }),
      (answer) => ({
        leases: answer.leases.map(({ job, epoch, start, count }) => ({ job, epoch, start, count })),
        durations: answer.leases.map(({ durationMs }) => durationMs)
      })
    )
    if (leases.length === 0) {
      await sleepUntilOpen(systemClock, Math.min(retryAfterMs, IDLE_MS), changed, over.signal)
      return
    }
    inHand = leases.reduce((sum, { count }) => sum + count, 0)
    await sleep(workMs, undefined, { signal: over.signal })
    for (const lease of leases) await finish(lease)
    inHand = 0
  }

  const claim = async (through: WorkSession): Promise<void> => {
    const leases = [
      ...new Map([...outbox.values()].map(({ report: { job, epoch } }) => [`${job}-${epoch}`, { job, epoch }])).values()
    ].slice(0, 256)
    if (leases.length === 0) return
    await history.perform(
      name,
      { op: 'renew', host, leases },
      () => through.renew(leases),
      (answer) => ({ durations: answer.map(({ durationMs }) => durationMs) })
    )
  }

  const serve = async (through: WorkSession): Promise<void> => {
    await claim(through)
    while (!over.signal.aborted && !away && session === through) {
      if (outbox.size > 0 && !holding) await Promise.all([...outbox].slice(0, IN_FLIGHT_MAX).map((item) => deliver(through, item)))
      else if (resting) {
        atRest = true
        await Promise.race([changed.wait(over.signal), through.ended])
        atRest = false
      } else await work(through)
    }
  }

  const live = async (): Promise<void> => {
    for (let attempt = 0; !over.signal.aborted; attempt++) {
      try {
        if (away) await changed.wait(over.signal)
        if (away) continue
        session = await connect()
        attempt = 0
        await serve(session)
      } catch {
        // Whatever it was: a volunteer comes back for ever, and a test that waits in vain says what for.
      }
      await session?.close().catch(() => undefined)
      session = null
      if (!away) await sleep(backoffDelay(BACKOFF, attempt, random), undefined, { signal: over.signal }).catch(() => undefined)
    }
  }
  const living = live()

  return {
    identity,
    get connected() {
      return session !== null
    },
    get inHand() {
      return inHand
    },
    get atRest() {
      return atRest
    },
    get waiting() {
      return outbox.size
    },
    get waitingUnits() {
      return [...outbox.values()].reduce((sum, { report }) => sum + report.units.length, 0)
    },
    hold: (next) => {
      holding = next
      changed.open()
    },
    rest: (next) => {
      resting = next
      changed.open()
    },
    leave: async () => {
      away = true
      await session?.close()
      changed.open()
    },
    rejoin: () => {
      away = false
      changed.open()
    },
    stop: async () => {
      over.abort()
      await session?.close().catch(() => undefined)
      await living.catch(() => undefined)
      await line.close()
    }
  }
}

/** The coordinator will never take it. */
function isFinal(error: unknown): boolean {
  return error instanceof PeerComputeError && error.code !== 'RATE_LIMITED' && ERRORS[error.code].status < 500
}
