/** What a decider returns: events to apply and the answer for the asker, or a refusal. Nothing has happened yet. */
import type { ErrorCode } from '@peercompute/job-specs'
import type { CoordinatorEvent } from './events.ts'
import type { CorePolicy } from './policy.ts'
import type { CoordinatorState } from './state.ts'

export interface Context {
  /** Coordinator's clock, epoch ms. */
  readonly now: number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly policy: CorePolicy
}

export type Decision<Answer> =
  | { readonly ok: true; readonly events: readonly CoordinatorEvent[]; readonly answer: Answer }
  | { readonly ok: false; readonly code: ErrorCode; readonly detail: string }

export type Decider<Command, Answer> = (state: CoordinatorState, command: Command, context: Context) => Decision<Answer>

export function decided<Answer>(answer: Answer, events: readonly CoordinatorEvent[] = []): Decision<Answer> {
  return { ok: true, events, answer }
}

export function refused(code: ErrorCode, detail: string): { ok: false; code: ErrorCode; detail: string } {
  return { ok: false, code, detail }
}
