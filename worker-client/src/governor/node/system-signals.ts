/**
 * What Linux tells of the machine: battery (/sys/class/power_supply), heat (/sys/class/thermal), load (all processors, from Node) and
 * input at terminals, also over ssh, as `w` has it (access times under /dev). Input at a graphical desktop is not seen there, nor
 * anything of battery and heat on other systems.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { pressureLevels, type PressureLevel, type Sensed, type Signals, type SignalSource } from '../signals.ts'

const SENSE_EVERY_MS = 2_000
/** Lower ends of fair, serious and critical, as browsers have them. */
const LOADED = [0.3, 0.6, 0.9] as const

export interface SystemSignalsOptions {
  /** Where `sys` and `dev` lie. By default `/`; a test has a folder of its own. */
  readonly root?: string
  /** Busy and all time of the processors so far, in any unit. */
  readonly times?: () => { readonly busy: number; readonly all: number }
  readonly now?: () => number
}

export interface SystemSignals extends SignalSource {
  /** Input at terminals can be seen: there are terminals. */
  readonly seesInput: boolean
}

export function systemSignals({ root = '/', times = processorTimes, now = Date.now }: SystemSignalsOptions = {}): SystemSignals {
  let before = times()
  let pressure: PressureLevel | null = null
  let sensed = sense()
  let sensedAt = now()

  function sense(): Sensed {
    const after = times()
    if (after.all > before.all) pressure = levelOf((after.busy - before.busy) / (after.all - before.all))
    before = after
    return {
      battery: batteryOf(join(root, 'sys/class/power_supply')),
      // there is no page to look at
      hidden: true,
      pressure,
      thermal: heatOf(join(root, 'sys/class/thermal')),
      lastInputAt: lastInput(join(root, 'dev')),
      threads: availableParallelism()
    }
  }

  return {
    get seesInput() {
      return sensed.lastInputAt !== null
    },
    now() {
      if (Math.abs(now() - sensedAt) >= SENSE_EVERY_MS) {
        sensed = sense()
        sensedAt = now()
      }
      return sensed
    },
    follow(changed) {
      const timer = setInterval(changed, SENSE_EVERY_MS)
      timer.unref()
      return () => {
        clearInterval(timer)
      }
    }
  }
}

function levelOf(load: number): PressureLevel {
  return pressureLevels[LOADED.filter((floor) => load >= floor).length] ?? 'critical'
}

function processorTimes(): { busy: number; all: number } {
  let busy = 0
  let all = 0
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq
    all += sum
    busy += sum - times.idle
  }
  return { busy, all }
}

/** The battery that is emptiest; plugged in unless one is discharging. Batteries of mice and the like do not count. */
function batteryOf(folder: string): Signals['battery'] {
  const batteries = names(folder)
    .map((name) => join(folder, name))
    .filter((path) => text(path, 'type') === 'Battery' && text(path, 'scope') !== 'Device')
  const levels = batteries.map((path) => Number(text(path, 'capacity') ?? NaN) / 100).filter((level) => level >= 0 && level <= 1)
  if (levels.length === 0) return null
  return { level: Math.min(...levels), charging: !batteries.some((path) => text(path, 'status') === 'Discharging') }
}

/** Against the trip points of each zone: `critical` at hot or critical, `serious` at passive, where the system begins to slow down. */
function heatOf(folder: string): PressureLevel | null {
  let heat: PressureLevel | null = null
  for (const zone of names(folder).filter((name) => name.startsWith('thermal_zone'))) {
    const path = join(folder, zone)
    const temperature = Number(text(path, 'temp') ?? NaN)
    if (!Number.isFinite(temperature)) continue
    heat ??= 'nominal'
    for (let trip = 0; ; trip++) {
      const type = text(path, `trip_point_${trip}_type`)
      if (type === null) break
      const at = Number(text(path, `trip_point_${trip}_temp`) ?? NaN)
      if (!(at > 0 && temperature >= at)) continue
      if (type === 'hot' || type === 'critical') return 'critical'
      if (type === 'passive') heat = 'serious'
    }
  }
  return heat
}

/** The youngest access to a terminal: reading what is typed is one. */
function lastInput(folder: string): number | null {
  const terminals = [
    ...names(folder)
      .filter((name) => /^tty\d+$/.test(name))
      .map((name) => join(folder, name)),
    ...names(join(folder, 'pts'))
      .filter((name) => /^\d+$/.test(name))
      .map((name) => join(folder, 'pts', name))
  ]
  const times = terminals.flatMap((path) => {
    try {
      return [statSync(path).atimeMs]
    } catch {
      return []
    }
  })
  return times.length === 0 ? null : Math.max(...times)
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function text(folder: string, name: string): string | null {
  try {
    return readFileSync(join(folder, name), 'utf8').trim()
  } catch {
    return null
  }
}
