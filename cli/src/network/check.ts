/** One line of `net doctor`: what was looked at, how it is, and what to do when it is not well. */
import type { Terminal } from '../output/terminal.ts'
import { printable } from '../output/printable.ts'

export const checkNames = [
  'coordinator',
  'root',
  'websocket',
  'relay',
  'reservation',
  'webrtc',
  'discovery',
  'direct',
  'gossip',
  'ledger',
  'round trip',
  'further relay'
] as const
export type CheckName = (typeof checkNames)[number]

/** `skipped`: it could not be tried, which is nobody's fault or another check's. */
export type CheckState = 'ok' | 'failed' | 'skipped'

export interface Check {
  readonly name: CheckName
  readonly state: CheckState
  readonly sentence: string
  /** What to do. Empty when all is well. */
  readonly remedy: string
  /** What was measured, by unit: `ms`, `peers`, `records`. */
  readonly measured: Readonly<Record<string, number>>
}

type Measured = Check['measured']

export const ok = (name: CheckName, sentence: string, measured: Measured = {}): Check => ({
  name,
  state: 'ok',
  sentence,
  remedy: '',
  measured
})
export const failed = (name: CheckName, sentence: string, remedy: string, measured: Measured = {}): Check => ({
  name,
  state: 'failed',
  sentence,
  remedy,
  measured
})
export const skipped = (name: CheckName, sentence: string, remedy = ''): Check => ({
  name,
  state: 'skipped',
  sentence,
  remedy,
  measured: {}
})

const MARKS = { ok: 'ok', failed: '✗', skipped: '–' } as const
const COLOURS = { ok: 'green', failed: 'red', skipped: 'dim' } as const
const NAME_WIDTH = Math.max(...checkNames.map((name) => name.length))
const MARK_WIDTH = 2

/** Without a newline at the end. The remedy stands beneath its sentence. */
export function checkLines(check: Check, style: Terminal['style'] = (_, text) => text): string {
  const mark = style(COLOURS[check.state], MARKS[check.state].padEnd(MARK_WIDTH))
  const line = `${mark}  ${check.name.padEnd(NAME_WIDTH)}  ${printable(check.sentence)}`
  if (check.remedy === '') return line
  return `${line}\n${' '.repeat(MARK_WIDTH + NAME_WIDTH + 4)}${printable(check.remedy)}`
}
