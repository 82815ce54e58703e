/** What the volunteer reads about what is lent. */
import type { ExecutorKind } from '@peercompute/job-specs'
import { lentCores, writeSchedule, type Preferences, type Preset } from '@peercompute/worker-client/preferences'
import type { VolunteerSnapshot } from './volunteer.ts'

export const PRESET_WORDS: Record<Preset, { readonly word: string; readonly meaning: string }> = {
  quiet: { word: 'Quiet', meaning: 'Fans stay low' },
  balanced: { word: 'Balanced', meaning: 'You should not notice' },
  all: { word: 'Everything', meaning: 'When you are away' }
}

const percent = (share: number): string => `${Math.round(share * 100)}\u00a0%`

export function gpuMeaning(share: number): string {
  if (share === 0) return 'Not used'
  if (share === 1) return 'All of it: games and video will stutter'
  const rest = share === 0.5 ? 'half of the time, rests the other half' : `${percent(share)} of the time`
  return `Up to ${percent(share)}: works ${rest}`
}

export function coresMeaning(cores: number, threads: number): string {
  return `${cores} of ${threads} ${threads === 1 ? 'thread' : 'threads'}${cores === threads && threads > 1 ? ': other programs will be slower' : ''}`
}

/** "Up to half of your graphics card and 4 of 8 processor threads." */
export function howMuch(preferences: Preferences, threads: number): string {
  const cores = `${lentCores(preferences, threads)} of ${threads} processor ${threads === 1 ? 'thread' : 'threads'}`
  return preferences.gpuPaused || preferences.gpuShare === 0
    ? `No graphics card, and ${cores}.`
    : `Your graphics card in short bursts, up to ${percent(preferences.gpuShare)} of the time, and ${cores}.`
}

export function scheduleSentence(schedule: Preferences['schedule']): string {
  if (schedule === null) return 'At all hours.'
  const written = writeSchedule(schedule)
  return written === '' ? 'At no hour: it will always rest.' : `Only ${written}.`
}

/** Why less is lent right now than was allowed, or null. Only while something is lent at all. */
export function lessThanAllowed(snapshot: VolunteerSnapshot, preferences: Preferences, threads: number): string | null {
  const { lending, suspended, gpuSuspended, executors } = snapshot
  if (lending === null || suspended.length > 0) return null
  const hasGpu = executors.some(({ kind }) => kind === 'webgpu')
  const lessGpu = hasGpu && gpuSuspended === null && lending.gpuShare < preferences.gpuShare
  const lessCores = lending.cpuSlots < lentCores(preferences, threads)
  if (lessGpu && lessCores)
    return `It has stepped back for now: graphics card up to ${percent(lending.gpuShare)}, ${coresMeaning(lending.cpuSlots, threads)}.`
  if (lessGpu) return `The picture on your screen stuttered, so the graphics card is used up to ${percent(lending.gpuShare)} for now.`
  return lessCores ? `Other programs need the processor, so it uses ${coresMeaning(lending.cpuSlots, threads)} for now.` : null
}

/** What a part of the computer may do at this moment, as the governor has decided. */
export function lentNow({ lending, suspended, gpuSuspended }: VolunteerSnapshot, kind: ExecutorKind): string {
  if (lending === null || suspended.length > 0 || (kind === 'webgpu' && gpuSuspended !== null)) return 'nothing'
  if (kind === 'webgpu') return lending.gpuShare === 1 ? 'all of it' : `${percent(lending.gpuShare)} of the time`
  return `up to ${lending.cpuSlots} ${lending.cpuSlots === 1 ? 'thread' : 'threads'}`
}
