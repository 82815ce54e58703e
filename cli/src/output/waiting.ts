/** What a job waits for, for people at a terminal. */
import type { ReasonCode, Why } from '@peercompute/job-specs'

/** Reasons of a job of which units are being settled, or will be without anybody's doing. */
const GOES_ON: ReadonlySet<ReasonCode> = new Set(['job_running', 'trying', 'job_completed'])

/** Why nothing of the job is settled at present, and what can be done about it. Empty when it goes on. */
export function waitingLines({ code, sentence, remedy, facts }: Why): readonly string[] {
  if (GOES_ON.has(code)) return []
  const { voices, wanted } = facts
  const counted = voices === undefined || wanted === undefined ? '' : ` There are ${voices} of the ${wanted} that a unit needs at present.`
  return [`It waits: ${sentence}${counted}`, remedy]
}
