/**
 * Carries the outbox to the coordinator: oldest first, a few at a time, again after every reconnect.
 * An `ack` ends the duty. So does a refusal that would be the same next time; after a refusal for now (5xx, rate limit) it rests,
 * no longer than until the next session: how often those come is the network's to limit.
 */
import { ERRORS, PeerComputeError, type ReportAnswer } from '@peercompute/job-specs'
import { backoffDelay, sleep, type Clock } from '@peercompute/p2p/time'
import { createGate } from '../gate.ts'
import { RECONNECT_BACKOFF } from '../reconnect-backoff.ts'
import type { WorkSession } from '../work/work-session.ts'
import type { Outbox, OutboxItem } from './outbox.ts'

/** Reports under way at once: enough to hide a round trip, few enough that a frame each stays under the stream's buffer. */
const IN_FLIGHT_MAX = 4

export interface ReportSenderInit {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly random: () => number
  readonly onAnswers: (item: OutboxItem, answers: readonly { unit: number; answer: ReportAnswer }[]) => void
  /** The coordinator will never take this report. */
  readonly onRefused: (item: OutboxItem, error: PeerComputeError) => void
}

export interface ReportSender {
  setSession(session: WorkSession | null): void
  /** Resolves when the outbox is empty. Rejects when the signal aborts. */
  drained(signal: AbortSignal): Promise<void>
  stop(): void
}

export function createReportSender(init: ReportSenderInit): ReportSender {
  const { outbox, clock } = init
  const stopped = new AbortController()
  const changed = createGate()
  const inFlight = new Set<string>()
  let session: WorkSession | null = null
  let attempt = 0
  let rest: AbortController | null = null

  const send = async (item: OutboxItem, through: WorkSession) => {
    inFlight.add(item.key)
    try {
      const answers = await through.report(item.report, item.values)
      attempt = 0
      init.onAnswers(item, answers)
      await outbox.remove(item.key)
    } catch (error) {
      if (error instanceof PeerComputeError && isFinal(error)) {
        init.onRefused(item, error)
        await outbox.remove(item.key)
      } else if (session === through && rest === null) {
        const ended = new AbortController()
        rest = ended
        const pause = backoffDelay(RECONNECT_BACKOFF, attempt++, init.random)
        await sleep(clock, pause, ended.signal).catch(() => undefined)
        if (rest === ended) rest = null
      }
    } finally {
      inFlight.delete(item.key)
      changed.open()
    }
  }

  const run = async () => {
    while (!stopped.signal.aborted) {
      const through = session
      if (through !== null && rest === null) {
        for (const item of outbox.items()) {
          if (inFlight.size >= IN_FLIGHT_MAX) break
          if (!inFlight.has(item.key)) void send(item, through)
        }
      }
      await changed.wait(stopped.signal).catch(() => undefined)
    }
  }
  const unsubscribe = outbox.onChange(() => {
    changed.open()
  })
  void run()

  const endRest = () => {
    rest?.abort()
    rest = null
  }

  return {
    setSession(next) {
      session = next
      endRest()
      changed.open()
    },
    async drained(signal) {
      while (outbox.items().length + inFlight.size > 0) await changed.wait(signal)
    },
    stop() {
      unsubscribe()
      stopped.abort()
      endRest()
    }
  }
}

function isFinal(error: PeerComputeError): boolean {
  const { status } = ERRORS[error.code]
  return status < 500 && error.code !== 'RATE_LIMITED'
}
