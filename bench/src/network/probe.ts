/** A gossip message that only carries its number, as large as an ordinary ledger record. */
const PROBE_BYTES = 512
const MAGIC = 0x70636270

export function encodeProbe(number: number): Uint8Array {
  const bytes = new Uint8Array(PROBE_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(4, number)
  return bytes
}

export function decodeProbe(bytes: Uint8Array): number | null {
  if (bytes.length !== PROBE_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return view.getUint32(0) === MAGIC ? view.getUint32(4) : null
}
