/** An error as a person reads it: what, why, where (with the line of the file), and what to do. */
import { ERRORS, type ErrorPlace, type PeerComputeError } from '@peercompute/job-specs'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

/** The lines of a source that a place points to, with a caret below the column. */
export function excerpt(source: string, { line, column }: { line: number; column: number }): readonly string[] {
  const text = source.split('\n')[line - 1]
  if (text === undefined) return []
  const gutter = String(line)
  return [`  ${gutter} | ${printable(text)}`, `  ${' '.repeat(gutter.length)} | ${' '.repeat(Math.max(0, column - 1))}^`]
}

export function placeText({ file, line, column, path }: ErrorPlace): string {
  const position = [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(':')
  return position === '' ? (path ?? '') : position
}

export function explainError(terminal: Terminal, error: PeerComputeError): void {
  const entry = ERRORS[error.code]
  terminal.talk(`${terminal.style('red', 'error')}: ${entry.title} (${error.code})`)
  for (const line of error.detail.split('\n')) terminal.talk(`  ${printable(line)}`)
  const place = error.place === undefined ? '' : placeText(error.place)
  if (place !== '') terminal.talk(`  at ${printable(place)}`)
  terminal.talk(`  ${entry.remedy}`)
}
