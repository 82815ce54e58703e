import { Command, CommanderError } from 'commander'
import { PeerComputeError } from '@peercompute/job-specs'
import { readSchedule } from '@peercompute/worker-client/preferences'
import { describe, expect, it } from 'vitest'
import { addLendingOptions, type LendingOptions } from './lending-options.ts'
import { preferencesFrom } from './preferences-from.ts'

/** Bounds are checked by the program's own parser; here they only become numbers. */
function parsed(...args: readonly string[]): LendingOptions {
  const command = addLendingOptions(new Command().exitOverride().configureOutput({ writeErr: () => undefined }), () => Number)
  return command.parse(['node', 'volunteer', ...args]).opts()
}
const refusal = (...args: readonly string[]): string => {
  try {
    preferencesFrom(parsed(...args))
  } catch (error) {
    if (error instanceof CommanderError || error instanceof PeerComputeError) return error.message
    throw error
  }
  return ''
}

describe('what a machine lends by the command line', () => {
  it('is all of it, plugged in, where nothing is said', () => {
    const preferences = preferencesFrom(parsed())
    expect(preferences).toMatchObject({ gpuShare: 1, gpuPaused: false, schedule: null, onBattery: 'rest', onlyWhenIdleMinutes: null })
    expect(preferences).toMatchObject({ dailySeconds: null, dailyBytes: null, hiddenTab: 'go_on' })
    expect(preferences.cores).toBeGreaterThan(0)
  })

  it('is what its owner says', () => {
    const hours = 'mon-fri 19:00-07:00, sat-sun'
    const args = ['--gpu-share', '50', '--schedule', hours, '--on-battery', 'go', '--only-when-idle', '10', '--daily-hours', '7.5']
    const reading = readSchedule(hours)
    expect(preferencesFrom({ ...parsed(...args, '--daily-megabytes', '200'), cores: 2 })).toMatchObject({
      gpuShare: 0.5,
      cores: 2,
      schedule: reading.ok ? reading.schedule : '',
      onBattery: 'go_on',
      onlyWhenIdleMinutes: 10,
      dailySeconds: 27_000,
      dailyBytes: 200_000_000
    })
    expect(preferencesFrom(parsed('--on-battery', 'gpu-off')).onBattery).toBe('gpu_off')
  })

  it('is refused with the place and what to write instead', () => {
    expect(refusal('--schedule', 'weekends')).toMatch(/--schedule.*"weekends" is no day. The days are mon, tue, wed, thu, fri, sat, sun\./)
    expect(refusal('--schedule', 'mon 9:10-12:00')).toMatch(/Times are whole or half hours/)
    expect(refusal('--on-battery', 'maybe')).toMatch(/Allowed choices are rest, gpu-off, go\./)
  })
})
