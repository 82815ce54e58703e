import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemSignals } from './system-signals.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peercompute-system-'))
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})
function files(contents: Readonly<Record<string, string | number>>): void {
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), `${content}\n`)
  }
}
const battery = (name: string, more: Readonly<Record<string, string | number>>) => {
  for (const [key, value] of Object.entries({ type: 'Battery', ...more })) files({ [`sys/class/power_supply/${name}/${key}`]: value })
}
/** Processors whose counters stand still, as those of this machine may and may not between two looks. */
const read = () => systemSignals({ root, times: () => ({ busy: 0, all: 0 }) }).now()

describe('what the system tells', () => {
  it('is nothing of battery, heat and input where there is none of them', () => {
    expect(read()).toMatchObject({ battery: null, thermal: null, lastInputAt: null, pressure: null, hidden: true })
    expect(systemSignals({ root }).seesInput).toBe(false)
  })

  it('is the emptiest battery, and whether one discharges', () => {
    battery('BAT0', { capacity: 80, status: 'Discharging' })
    battery('BAT1', { capacity: 42, status: 'Full' })
    battery('hidpp_battery_0', { capacity: 5, status: 'Discharging', scope: 'Device' })
    files({ 'sys/class/power_supply/AC/type': 'Mains' })
    expect(read().battery).toEqual({ level: 0.42, charging: false })
    battery('BAT0', { capacity: 80, status: 'Not charging' })
    expect(read().battery).toEqual({ level: 0.42, charging: true })
    battery('BAT0', { capacity: 'unknown' })
    battery('BAT1', { capacity: 'unknown' })
    expect(read().battery).toBeNull()
  })

  it('is heat by the trip points of the zones', () => {
    const zone = (temperature: number) => {
      files({
        'sys/class/thermal/thermal_zone0/temp': temperature,
        'sys/class/thermal/thermal_zone0/trip_point_0_type': 'passive',
        'sys/class/thermal/thermal_zone0/trip_point_0_temp': 85_000,
        'sys/class/thermal/thermal_zone0/trip_point_1_type': 'critical',
        'sys/class/thermal/thermal_zone0/trip_point_1_temp': 100_000,
        'sys/class/thermal/thermal_zone1/temp': 30_000,
        'sys/class/thermal/cooling_device0/type': 'Processor'
      })
      return read().thermal
    }
    expect([zone(50_000), zone(90_000), zone(101_000)]).toEqual(['nominal', 'serious', 'critical'])
  })

  it('is the last input at any terminal', () => {
    files({ 'dev/tty1': '', 'dev/pts/3': '', 'dev/pts/ptmx': '', 'dev/ttyS0': '' })
    utimesSync(join(root, 'dev/tty1'), 1_000, 1_000)
    utimesSync(join(root, 'dev/pts/3'), 2_000, 9_000)
    utimesSync(join(root, 'dev/ttyS0'), 5_000, 5_000)
    expect(read().lastInputAt).toBe(2_000_000)
  })

  it('is the load of all processors since the last look', () => {
    let at = { busy: 0, all: 0 }
    let now = 0
    const signals = systemSignals({ root, times: () => at, now: () => now })
    expect(signals.now().pressure).toBeNull()
    const levels = [0.1, 0.45, 0.7, 0.95].map((load) => {
      now += 2_000
      at = { busy: at.busy + load * 100, all: at.all + 100 }
      return signals.now().pressure
    })
    expect(levels).toEqual(['nominal', 'fair', 'serious', 'critical'])
  })

  it('is read of this very machine without trouble', () => {
    const { threads, pressure } = systemSignals().now()
    expect(threads).toBeGreaterThan(0)
    expect(pressure).toBeNull()
  })
})
