/** Status words: colour, icon and word, never apart, each with its meaning. One table, so that a word has one look everywhere. */
import type { JobState, ReasonCode } from '@peercompute/job-specs'

export const iconNames = [
  'wait',
  'run',
  'judge',
  'ok',
  'bad',
  'warn',
  'hold',
  'off',
  'play',
  'stop',
  'finish',
  'down',
  'theme',
  'sun',
  'system',
  'gpu',
  'copy',
  'add',
  'ended'
] as const
export type IconName = (typeof iconNames)[number]

interface StatusEntry {
  readonly word: string
  readonly icon: IconName
  /** Names the colour: `.st.<tone>` in base.css. */
  readonly tone: 'wait' | 'run' | 'judge' | 'ok' | 'hold' | 'warn' | 'bad' | 'off'
  readonly meaning: string
}

export const STATUS = {
  waiting: { word: 'waiting', icon: 'wait', tone: 'wait', meaning: 'Nothing runs yet: it waits for a host, or for a file.' },
  running: { word: 'in progress', icon: 'run', tone: 'run', meaning: 'At least one host computes it now.' },
  validating: { word: 'validating', icon: 'judge', tone: 'judge', meaning: 'Some results are there, and not enough to believe them.' },
  validated: { word: 'validated', icon: 'ok', tone: 'ok', meaning: 'It is believed, by the rule that the job asks for.' },
  paused: { word: 'paused', icon: 'hold', tone: 'hold', meaning: 'Stopped on purpose; it can go on.' },
  attention: { word: 'needs attention', icon: 'warn', tone: 'warn', meaning: 'It goes on, but something wants a decision.' },
  errored: { word: 'errored', icon: 'bad', tone: 'bad', meaning: 'It could not be settled, and will not be tried again.' },
  offline: { word: 'offline', icon: 'off', tone: 'off', meaning: 'No connection; what is done is kept until there is one.' },
  cancelled: { word: 'cancelled', icon: 'ended', tone: 'hold', meaning: 'Its author ended it. What was validated stays.' },
  retired: { word: 'retired', icon: 'ended', tone: 'off', meaning: 'It ended long ago; its results were put away.' }
} as const satisfies Record<string, StatusEntry>
export type StatusName = keyof typeof STATUS

const JOB_STATUS: Record<JobState, StatusName> = {
  queued: 'waiting',
  running: 'running',
  paused: 'paused',
  completed: 'validated',
  failed: 'errored',
  cancelled: 'cancelled',
  retired: 'retired'
}

export function jobStatus(state: JobState): StatusName {
  return JOB_STATUS[state]
}

const UNIT_STATUS: Partial<Record<ReasonCode, StatusName>> = {
  awaiting_first_lease: 'waiting',
  in_progress: 'running',
  awaiting_second_opinion: 'validating',
  disagreement: 'validating',
  inconclusive: 'errored',
  too_many_failures: 'errored',
  settled: 'validated',
  job_paused: 'paused',
  job_cancelled: 'cancelled'
}

/** What a unit's reason code says about its state. */
export function unitStatus(code: ReasonCode): StatusName {
  return UNIT_STATUS[code] ?? 'waiting'
}
