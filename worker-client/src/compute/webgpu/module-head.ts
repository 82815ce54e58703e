import { LAUNCH_WGSL } from '@peercompute/job-specs'
import { GUARD_WGSL } from './wgsl/guard-head.ts'
import { withoutComments } from './workgroup-size.ts'

/**
 * Puts the platform's prelude before a kernel. WGSL wants directives (`enable`, `requires`, `diagnostic`) before everything else,
 * so they move to the first line and leave blanks behind. `headLines`: what to subtract from the compiler's line numbers.
 */
export function moduleWithHead(text: string, fuelled = false): { readonly code: string; readonly headLines: number } {
  let directives = ''
  let rest = text
  for (const match of withoutComments(text).matchAll(/^[ \t]*(?:enable|requires|diagnostic)\b[^;]*;/gm)) {
    directives += `${match[0].replace(/\s+/g, ' ').trim()} `
    rest = rest.slice(0, match.index) + match[0].replace(/[^\n]/g, ' ') + rest.slice(match.index + match[0].length)
  }
  const head = `${directives}\n${LAUNCH_WGSL}${fuelled ? GUARD_WGSL : ''}`
  return { code: head + rest, headLines: head.split('\n').length - 1 }
}
