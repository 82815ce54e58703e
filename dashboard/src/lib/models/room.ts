/** A room as its page shows it, and the sentences about it. Volunteers and researchers read the same page: no jargon. */
import type { JobSummary, Reduced, View } from '@peercompute/job-specs'
import { brief, count, plural } from './format.ts'
import type { StatusName } from './status.ts'

export interface RoomMemberView {
  readonly peer: string
  readonly host: string
  readonly label: string
  readonly leads: boolean
  readonly self: boolean
}

export interface RoomJobView {
  readonly id: string
  readonly title: string
  readonly state: 'waiting' | 'running' | 'completed' | 'failed' | 'cancelled'
  readonly unitCount: number
  /** Settled, as the room's ledger says. */
  readonly settled: number
  /** Of these, checked by this browser against the value itself. */
  readonly verified: number
  readonly leastResults: number
  readonly reduced: Reduced
  readonly view: View | undefined
}

export interface RoomPicture {
  readonly name: string
  readonly members: readonly RoomMemberView[]
  /** Whether a relay carries the room's messages; else why not. */
  readonly relay: 'forwarded' | 'connecting' | 'refused'
  readonly jobs: readonly RoomJobView[]
  readonly lending: 'no' | 'starting' | 'yes' | 'paused'
  /** Answers of this computer that the room took. */
  readonly accepted: number
}

export const EMPTY_ROOM: RoomPicture = { name: '', members: [], relay: 'connecting', jobs: [], lending: 'no', accepted: 0 }

/** The sentence that opens the page. */
export function roomSentence({ members, relay, jobs }: RoomPicture): string {
  if (relay === 'refused') return 'The relay carries no more rooms.'
  if (relay === 'connecting') return 'Entering the room.'
  const running = jobs.find(({ state }) => state === 'running' || state === 'waiting')
  const here = members.length === 1 ? 'Only this computer is in the room' : `${plural(members.length, 'computer', 'computers')} in the room`
  if (running === undefined) return `${here}.`
  return `${here}, ${count(running.settled)} of ${count(running.unitCount)} tiles verified.`
}

/** What to do, or what to wait for. */
export function roomNote({ members, relay, jobs, lending }: RoomPicture): string {
  if (relay === 'refused') return 'It serves as many as it can. This page asks again by itself; or make a room with another relay.'
  if (relay === 'connecting') return 'The relay has not answered yet. This page tries again by itself.'
  const leader = members.find(({ leads }) => leads)
  if (leader === undefined) return 'It listens who is there. In a few seconds one of the computers takes the lead.'
  const leads = leader.self ? 'This computer hands out the work.' : `${memberName(leader)} hands out the work.`
  const waits = jobs.some(({ state, leastResults }) => state === 'running' && leastResults > 1)
  if (waits && members.length === 1) return `${leads} Each answer needs a second computer: send somebody the link.`
  return lending === 'no' ? `${leads} Nothing is computed here until you lend this computer.` : leads
}

export function memberName({ label, host, self }: RoomMemberView): string {
  return self ? 'This computer' : label === '' ? `Computer ${brief(host)}` : label
}

const JOB_STATUS = {
  waiting: 'waiting',
  running: 'running',
  completed: 'validated',
  failed: 'errored',
  cancelled: 'cancelled'
} as const satisfies Record<RoomJobView['state'], StatusName>

export function roomJobStatus({ state }: RoomJobView): StatusName {
  return JOB_STATUS[state]
}

/** In the form in which jobs are drawn elsewhere. What is settled and not yet checked here counts as validating. */
export function roomJobCounts({
  unitCount,
  settled,
  verified,
  state,
  reduced
}: RoomJobView): Pick<JobSummary, 'units' | 'unitCount' | 'reduced' | 'state'> {
  const validated = Math.min(verified, unitCount)
  const validating = Math.max(0, settled - validated)
  return {
    unitCount,
    reduced,
    state: state === 'waiting' ? 'queued' : state,
    units: { validated, validating, inProgress: 0, errored: 0, waiting: Math.max(0, unitCount - validated - validating) }
  }
}
