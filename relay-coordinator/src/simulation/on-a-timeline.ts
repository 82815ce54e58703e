/** Time as in a fleet: hosts of different speed take as much as they asked for, compute it unit by unit, fall behind, fall silent. */
import type { Lease } from '@peercompute/job-specs'
import { decideAsk, decideExpire, decideRenew } from '../core/index.ts'
import { EventQueue } from './event-queue.ts'
import { UNIT_OPERATIONS } from './simulated-job.ts'
import type { SimulatedHost } from './simulated-fleet.ts'
import type { SimulationRun } from './simulation-run.ts'

/** Seconds of work for which a host asks, and how much longer a straggling lease takes. */
const ASKED_SECONDS = 10
export const STRAGGLING_TIMES = 50
/** Engines look for what is overdue this often. */
const EXPIRE_MS = 1_000
/** Without a settled unit for so long, nobody can go on. */
const STANDSTILL_MS = 86_400_000

type Event =
  | { readonly kind: 'ask'; readonly host: SimulatedHost }
  | { readonly kind: 'report' | 'renew'; readonly host: SimulatedHost; readonly lease: Lease; readonly until: number }
  | { readonly kind: 'expire' }

export function runOnTimeline(run: SimulationRun): void {
  const { engine, fleet, random } = run
  const queue = new EventQueue<Event>()
  for (const host of fleet.hosts) queue.plan(engine.now + random() * EXPIRE_MS, { kind: 'ask', host })
  queue.plan(engine.now + EXPIRE_MS, { kind: 'expire' })
  let settled = 0
  let movedAt = engine.now
  while (!run.ended && engine.now - movedAt < STANDSTILL_MS) {
    const next = queue.next()
    if (next === undefined) return
    engine.passUntil(next.at)
    happens(run, queue, next.event)
    if (engine.books.size === settled) continue
    settled = engine.books.size
    movedAt = engine.now
  }
}

function happens(run: SimulationRun, queue: EventQueue<Event>, event: Event): void {
  const { engine } = run
  switch (event.kind) {
    case 'expire':
      engine.execute(decideExpire, { type: 'expire' })
      engine.followUp()
      queue.plan(engine.now + EXPIRE_MS, event)
      return
    case 'ask':
      asks(run, queue, event.host)
      return
    case 'renew':
      renews(run, queue, event)
      return
    case 'report':
      if (event.host.place < 0) return
      for (const newcomer of run.report(event.host, event.lease)) queue.plan(engine.now, { kind: 'ask', host: newcomer })
  }
}

function asks(run: SimulationRun, queue: EventQueue<Event>, known: SimulatedHost): void {
  const { engine, options, random } = run
  if (known.place < 0) return
  const host = options.churn > 0 && random() < options.churn ? run.rename(known) : known
  const { group, connected, speed } = host
  const units = Math.max(1, Math.floor((ASKED_SECONDS * speed) / UNIT_OPERATIONS))
  const ask = { type: 'ask', host: connected.host, executor: 'js', units, seconds: ASKED_SECONDS } as const
  const { leases, retryAfterMs } = engine.execute(decideAsk, ask)
  let at = engine.now + retryAfterMs
  for (const lease of leases) {
    const times = random() < group.straggling ? STRAGGLING_TIMES : 1
    at += (times * lease.count * UNIT_OPERATIONS * 1_000) / speed
    if (random() < group.silent) continue
    queue.plan(at, { kind: 'report', host, lease, until: at })
    queue.plan(engine.now + lease.durationMs / 2, { kind: 'renew', host, lease, until: at })
  }
  queue.plan(at, { kind: 'ask', host })
}

function renews(run: SimulationRun, queue: EventQueue<Event>, event: Extract<Event, { kind: 'report' | 'renew' }>): void {
  const { engine } = run
  const { host, lease, until } = event
  if (host.place < 0 || until <= engine.now) return
  const { job, epoch } = lease
  const [renewed] = engine.execute(decideRenew, { type: 'renew', host: host.connected.host, leases: [{ job, epoch }] })
  if (renewed !== undefined && renewed.durationMs > 0) queue.plan(engine.now + renewed.durationMs / 2, event)
}
