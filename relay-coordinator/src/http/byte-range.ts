/** `Range` requests for bytes (RFC 9110 §14): one part, or all of it. */
export type ByteRange = { readonly start: number; readonly end: number }

/**
 * The part that `header` asks for of a body of `bytes` bytes; `end` is the first byte after it. Null: answer with all of it, which is also
 * right for what is not understood and for several parts. `unsatisfiable`: the part lies behind the end.
 */
export function byteRange(header: string | undefined, bytes: number): ByteRange | null | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return null
  if (first === '') return last === '0' || bytes === 0 ? 'unsatisfiable' : { start: Math.max(0, bytes - Number(last)), end: bytes }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return null
  if (start >= bytes) return 'unsatisfiable'
  return { start, end: last === '' ? bytes : Math.min(bytes, Number(last) + 1) }
}
