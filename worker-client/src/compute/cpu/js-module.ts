/** Turns an ES-module kernel into the body of a function, because a `data:` worker under our policy can load no module. */
import { PeerComputeError } from '@peercompute/job-specs'

/** A `data:` URL carries the program; browsers cap URLs. */
export const SCRIPT_MAX_LENGTH = 524_288

const EXPORT = /^export\b/gm
const DEFAULT_FUNCTION = /^export default (?=(?:async\s+)?function\s+([A-Za-z_$][\w$]*))/m
const DEFAULT_NAMELESS = /^export default (async\s+)?function\s*\(/m
const DEFAULT_VALUE = /^export default\b/m
const NAMED_AS_DEFAULT = /^export\s*\{\s*([A-Za-z_$][\w$]*)\s+as\s+default\s*,?\s*\};?\s*$/m
const IMPORT = /^import\b(?!\s*[.(])/m

/**
 * The text of a strict function body that returns the kernel; every line keeps its number. The module has no `import` and
 * exactly one export: `export default …` at the start of a line, or `export { name as default }` at the end.
 * @throws {PeerComputeError} KERNEL_EXPORT with the line.
 */
export function moduleToScript(text: string): string {
  if (text.length > SCRIPT_MAX_LENGTH)
    throw new PeerComputeError('KERNEL_EXPORT', `The program has ${text.length} characters, at most ${SCRIPT_MAX_LENGTH} are allowed`)
  const imported = IMPORT.exec(text)
  if (imported !== null) throw refusal(text, imported.index, 'It imports another module')
  const exported = [...text.matchAll(EXPORT)]
  const first = exported[0]
  if (first === undefined) throw refusal(text, 0, 'It has no line that starts with "export default"')
  const second = exported[1]
  if (second !== undefined) throw refusal(text, second.index, 'It has more than one export')
  return `"use strict"; ${withoutExport(text, first.index)}`
}

function withoutExport(text: string, at: number): string {
  const named = DEFAULT_FUNCTION.exec(text)
  if (named !== null) return `${text.replace(DEFAULT_FUNCTION, '')}\n;return ${named[1] ?? ''};`
  if (DEFAULT_NAMELESS.test(text)) return `${text.replace(DEFAULT_NAMELESS, '$1function peercomputeKernel(')}\n;return peercomputeKernel;`
  if (DEFAULT_VALUE.test(text)) return `${text.replace(DEFAULT_VALUE, 'const peercomputeKernel =')}\n;return peercomputeKernel;`
  const listed = NAMED_AS_DEFAULT.exec(text)
  if (listed === null) throw refusal(text, at, 'Its export is neither "export default …" nor "export { name as default }"')
  if (text.slice(listed.index + listed[0].length).trim() !== '')
    throw refusal(text, at, 'Its "export { name as default }" is not at the end')
  return `${text.slice(0, listed.index)}\n;return ${listed[1] ?? ''};`
}

function refusal(text: string, at: number, what: string): PeerComputeError {
  return new PeerComputeError('KERNEL_EXPORT', what, { place: { line: text.slice(0, at).split('\n').length } })
}
