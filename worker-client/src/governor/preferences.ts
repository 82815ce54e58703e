/** What the owner of a machine wants. Kept by the page and by the command line; read by `govern`. */
import { z } from 'zod'
import { scheduleSchema } from './schedule.ts'

export const preferencesSchema = z.object({
  /** Part of the time that the graphics card may compute, 0 to 1. */
  gpuShare: z.number().min(0).max(1).default(0.5),
  /** The graphics card rests, the processor goes on. */
  gpuPaused: z.boolean().default(false),
  /** Processor threads to lend. Null: half of them. */
  cores: z.int().min(1).max(1_024).nullable().default(null),
  /** Compute only when nobody has touched the device for so many minutes. Null: always. */
  onlyWhenIdleMinutes: z.int().min(1).max(240).nullable().default(null),
  onBattery: z.enum(['rest', 'gpu_off', 'go_on']).default('rest'),
  /** Rest on battery below this level whatever `onBattery` says, 0 to 1. */
  batteryFloor: z.number().min(0).max(1).default(0.2),
  /** Null: at all hours. */
  schedule: scheduleSchema.nullable().default(null),
  /** Bytes sent and received in a day, by the clock on the wall. Null: as many as it takes. */
  dailyBytes: z.int().min(1_000_000).nullable().default(null),
  /** Seconds of computing in a day. Null: all day. */
  dailySeconds: z.int().min(60).max(86_400).nullable().default(null),
  restOnDataSaver: z.boolean().default(true),
  hiddenTab: z.enum(['rest', 'go_on']).default('go_on'),
  /** Step back when other programs need the processor, or when the picture on the screen stutters. */
  yields: z.boolean().default(true),
  /** Keep the screen on while the page is in view and computes. */
  wakeLock: z.boolean().default(false)
})
export type Preferences = z.infer<typeof preferencesSchema>

export const DEFAULT_PREFERENCES: Preferences = preferencesSchema.parse({})

/** Reads what was stored; anything that is no set of preferences gives the defaults. */
export function storedPreferences(text: string | null): Preferences {
  try {
    return preferencesSchema.catch(DEFAULT_PREFERENCES).parse(JSON.parse(text ?? '{}'))
  } catch {
    return DEFAULT_PREFERENCES
  }
}

export const presets = ['quiet', 'balanced', 'all'] as const
export type Preset = (typeof presets)[number]

type PresetPart = Pick<Preferences, 'gpuShare' | 'gpuPaused' | 'cores' | 'yields'>

/** What a preset sets; the rest stays as it is. `threads`: how many the machine has. */
export function presetOf(preset: Preset, threads: number): PresetPart {
  switch (preset) {
    case 'quiet':
      return { gpuShare: 0.15, gpuPaused: false, cores: Math.max(1, Math.floor(threads / 4)), yields: true }
    case 'balanced':
      return { gpuShare: 0.5, gpuPaused: false, cores: null, yields: true }
    case 'all':
      return { gpuShare: 1, gpuPaused: false, cores: threads, yields: false }
  }
}

/** The preset that these are, or null when they are the volunteer's own. */
export function presetLike(preferences: Preferences, threads: number): Preset | null {
  const same = (part: PresetPart) =>
    part.gpuShare === preferences.gpuShare &&
    part.gpuPaused === preferences.gpuPaused &&
    lentCores(part, threads) === lentCores(preferences, threads) &&
    part.yields === preferences.yields
  return presets.find((preset) => same(presetOf(preset, threads))) ?? null
}

/** Never more than there are. */
export function lentCores({ cores }: Pick<Preferences, 'cores'>, threads: number): number {
  return Math.max(1, Math.min(cores ?? Math.floor(threads / 2), threads))
}
