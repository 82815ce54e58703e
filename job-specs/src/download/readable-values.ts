/** A value as people and other programs read it. The bytes are what counts. */
import type { OutputSpec } from '../kernel.ts'
import { outputReaders } from '../values.ts'
import type { DownloadUnit } from './download.ts'

type Readable = DownloadUnit['values']
type Element = NonNullable<Readable[string]>[number]

/** JSON has no NaN and no infinities: they go as words. −0 is written as 0. */
function jsonNumber(value: number): Element {
  if (Number.isFinite(value)) return value + 0
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
}

/** `value` must be as long as these outputs. */
export function readableValues(outputs: readonly OutputSpec[], value: Uint8Array): Readable {
  return Object.fromEntries(
    outputReaders(outputs, value).map((reader) => [
      reader.output.name,
      Array.from({ length: reader.count }, (_, index) => jsonNumber(reader.at(index)))
    ])
  )
}

/** Name of the first output, with the index where there is one, in which `readable` is not this value; null when it is. */
export function readableDifference(outputs: readonly OutputSpec[], value: Uint8Array, readable: Readable): string | null {
  for (const reader of outputReaders(outputs, value)) {
    const { name } = reader.output
    const given = readable[name]
    if (given?.length !== reader.count) return name
    for (let index = 0; index < reader.count; index++) if (given[index] !== jsonNumber(reader.at(index))) return `${name}.${index}`
  }
  return Object.keys(readable).find((name) => !outputs.some((output) => output.name === name)) ?? null
}
