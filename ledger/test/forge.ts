/** Updates and records that no honest program writes, and a look inside those that one does. */
import { createEncoder, toUint8Array, writeVarUint, type Encoder } from 'lib0/encoding'
import * as Y from 'yjs'
import { FEED_ROOT } from '@peercompute/ledger'

export function recordsOf(update: Uint8Array): Uint8Array[] {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  return doc.getArray<Uint8Array>(FEED_ROOT).toArray()
}

export function bytesOf(list: readonly Uint8Array[], index: number): Uint8Array {
  const bytes = list[index]
  if (bytes === undefined) throw new Error(`no record ${String(index)}`)
  return bytes
}

export function raw(write: (encoder: Encoder) => void): Uint8Array {
  const encoder = createEncoder()
  write(encoder)
  return toUint8Array(encoder)
}

export function numbers(encoder: Encoder, ...values: readonly number[]): void {
  for (const value of values) writeVarUint(encoder, value)
}
