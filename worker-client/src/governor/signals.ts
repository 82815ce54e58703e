/** What the governor knows of the device and its owner. Null wherever a platform does not tell. */
export const pressureLevels = ['nominal', 'fair', 'serious', 'critical'] as const
export type PressureLevel = (typeof pressureLevels)[number]

export interface Signals {
  /** Null: no battery, or nothing is told of it. `level`: 0 to 1. */
  readonly battery: { readonly charging: boolean; readonly level: number } | null
  /** Nobody sees the page, or there is none. */
  readonly hidden: boolean
  /** The browser has stopped the page's scripts, or is about to. */
  readonly frozen: boolean
  /** Of the processor, this program's own load included, as the Compute Pressure API has it: from 0, 30, 60 and 90 % of what it can do. */
  readonly pressure: PressureLevel | null
  readonly thermal: PressureLevel | null
  /** 95th percentile of the time from one frame of the page to the next, while it is in view. */
  readonly frameGapMs: number | null
  /** When somebody last touched the device, as far as it is seen; epoch milliseconds. */
  readonly lastInputAt: number | null
  /** The browser or the system asks for little traffic. */
  readonly dataSaver: boolean
  /** Sent and received since midnight by the clock on the wall. */
  readonly bytesToday: number
  readonly secondsToday: number
  /** Minutes since Monday 00:00 by the clock on the wall. */
  readonly minuteOfWeek: number
  /** Processor threads of the device. */
  readonly threads: number
}

/** A device of which nothing is told. */
export const SILENT: Signals = {
  battery: null,
  hidden: false,
  frozen: false,
  pressure: null,
  thermal: null,
  frameGapMs: null,
  lastInputAt: null,
  dataSaver: false,
  bytesToday: 0,
  secondsToday: 0,
  minuteOfWeek: 0,
  threads: 1
}

/** What a platform senses. The rest of the signals are the governor's own: clock and budget. */
export type Sensed = Partial<Omit<Signals, 'bytesToday' | 'secondsToday' | 'minuteOfWeek'>>

/** The port to a platform; a test has a fake of it. */
export interface SignalSource {
  now(): Sensed
  /** Calls `changed` whenever something is different at once; what changes slowly is looked at every few seconds anyway. */
  follow(changed: () => void): () => void
}
