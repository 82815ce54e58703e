/** What a job waits for, for people at a terminal. */
import type { JobDetail, ReasonCode } from '@peercompute/job-specs'

/** Reasons of a job of which units are being settled, or will be without anybody's doing. */
const GOES_ON: ReadonlySet<ReasonCode> = new Set(['job_running', 'trying', 'job_completed'])

/** Why nothing of the job is settled at present, and what can be done about it. Empty when it goes on. */
export function waitingLines({ why }: Pick<JobDetail, 'why'>): readonly string[] {
  return GOES_ON.has(why.code) ? [] : [`It waits: ${why.sentence}`, why.remedy]
}
