/** What a browser tells of device and owner. Everything here may be missing in some browser; then it counts as unknown. */
import type { Clock } from '@peercompute/p2p/time'
import { pressureLevels, type PressureLevel, type Sensed, type SignalSource } from '../signals.ts'
import { watchFrames } from './frame-watch.ts'

interface Battery extends EventTarget {
  readonly charging: boolean
  /** 0 to 1. */
  readonly level: number
}

interface Pressure {
  observe(source: 'cpu' | 'thermals', options: { readonly sampleInterval: number }): Promise<void>
  disconnect(): void
}
type PressureConstructor = new (onRecords: (records: readonly { readonly state: string }[]) => void) => Pressure

interface LooseNavigator {
  readonly getBattery?: () => Promise<Battery>
  readonly connection?: EventTarget & { readonly saveData?: boolean }
}

/** What of a window is looked at. */
export type PageWindow = Window & { readonly PressureObserver?: PressureConstructor }

const INPUT = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const
const PRESSURE_EVERY_MS = 2_000

/** Input is that on this page: of others a browser tells nothing without asking. */
export function pageSignals(window: PageWindow, clock: Clock): SignalSource {
  const { document } = window
  const navigator = window.navigator as Navigator & LooseNavigator
  let battery: Battery | null = null
  let frozen = false
  let lastInputAt = clock.now()
  let frames: { readonly gapMs: number | null } | null = null
  const levels: { cpu: PressureLevel | null; thermals: PressureLevel | null } = { cpu: null, thermals: null }

  return {
    now(): Sensed {
      return {
        battery: battery === null ? null : { charging: battery.charging, level: battery.level },
        hidden: document.visibilityState === 'hidden',
        frozen,
        pressure: levels.cpu,
        thermal: levels.thermals,
        frameGapMs: frames?.gapMs ?? null,
        lastInputAt,
        dataSaver: navigator.connection?.saveData === true,
        threads: navigator.hardwareConcurrency
      }
    },
    follow(changed) {
      const over = new AbortController()
      const { signal } = over
      const listen = (target: EventTarget | undefined, names: readonly string[], listener: () => void) => {
        for (const name of names) target?.addEventListener(name, listener, { signal, passive: true })
      }
      listen(document, ['visibilitychange'], changed)
      listen(document, ['freeze'], () => {
        frozen = true
        changed()
      })
      listen(document, ['resume'], () => {
        frozen = false
        changed()
      })
      listen(document, INPUT, () => {
        const now = clock.now()
        const first = now - lastInputAt > 1_000
        lastInputAt = now
        if (first) changed()
      })
      listen(navigator.connection, ['change'], changed)

      const watching = watchFrames(window, clock, changed)
      frames = watching
      const observers = observePressure(window.PressureObserver, levels, changed)
      navigator.getBattery?.().then(
        (found) => {
          if (signal.aborted) return
          battery = found
          listen(found, ['chargingchange', 'levelchange'], changed)
          changed()
        },
        () => undefined
      )
      return () => {
        over.abort()
        watching.stop()
        for (const observer of observers) observer.disconnect()
      }
    }
  }
}

/** Browsers that have the interface may still refuse it, or a source of it. */
function observePressure(
  PressureObserver: PressureConstructor | undefined,
  levels: { cpu: PressureLevel | null; thermals: PressureLevel | null },
  changed: () => void
): readonly Pressure[] {
  if (PressureObserver === undefined) return []
  return (['cpu', 'thermals'] as const).map((source) => {
    const observer = new PressureObserver((records) => {
      const state = records.at(-1)?.state
      levels[source] = pressureLevels.find((level) => level === state) ?? null
      changed()
    })
    observer.observe(source, { sampleInterval: PRESSURE_EVERY_MS }).catch(() => undefined)
    return observer
  })
}
