/** The same preferences as on the page, with other defaults: who types a command to lend a machine lends all of it. */
import { availableParallelism } from 'node:os'
import { PeerComputeError } from '@peercompute/job-specs'
import { DEFAULT_PREFERENCES, readSchedule, type Preferences, type Schedule } from '@peercompute/worker-client/preferences'
import type { LendingOptions, OnBattery } from './lending-options.ts'

const ON_BATTERY: Readonly<Record<OnBattery, Preferences['onBattery']>> = { rest: 'rest', 'gpu-off': 'gpu_off', go: 'go_on' }

/** Throws CONFIG_INVALID with the place and what to write instead. */
export function preferencesFrom(options: LendingOptions): Preferences {
  return {
    ...DEFAULT_PREFERENCES,
    gpuShare: (options.gpuShare ?? 100) / 100,
    cores: options.cores ?? availableParallelism(),
    schedule: options.schedule === undefined ? null : scheduleFrom(options.schedule),
    onBattery: ON_BATTERY[options.onBattery ?? 'rest'],
    onlyWhenIdleMinutes: options.onlyWhenIdle ?? null,
    dailySeconds: options.dailyHours === undefined ? null : Math.round(options.dailyHours * 3_600),
    dailyBytes: options.dailyMegabytes === undefined ? null : Math.round(options.dailyMegabytes * 1_000_000)
  }
}

function scheduleFrom(text: string): Schedule {
  const reading = readSchedule(text)
  if (!reading.ok) throw new PeerComputeError('CONFIG_INVALID', `--schedule: ${reading.problem}`)
  return reading.schedule
}
