/** WGSL cut into tokens as the specification says it (§3), so that no loop hides in what is or is not a comment. */

export interface Token {
  readonly kind: 'word' | 'number' | 'sign'
  readonly text: string
  /** Place in the text, in UTF-16 units. */
  readonly start: number
  readonly end: number
}

export class WgslError extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

const BLANK = /[\t\n\v\f\r \u0085\u200e\u200f\u2028\u2029]+/uy
const LINE_COMMENT = /\/\/[^\n\v\f\r\u0085\u2028\u2029]*/uy
const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/gu
const WORD = /[_\p{XID_Start}]\p{XID_Continue}*/uy
const NUMBER = /(?:0[xX](?:[\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)(?:[pP][+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[iufh]?/uy
const SIGN = />>=|<<=|->|&&|\|\||[=!<>+\-*/%&|^]=|\+\+|--|<<|>>|[&\-@/![\]{}:,=<>%.+|();*~^]/uy

function match(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

/** The place behind a block comment; they nest. */
function blockCommentEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  do {
    const two = text.slice(at, at + 2)
    if (at >= text.length) throw new WgslError('The comment does not end', start)
    if (two === '/*') depth++
    else if (two === '*/') depth--
    at += two === '/*' || two === '*/' ? 2 : 1
  } while (depth > 0)
  return at
}

/** Throws WgslError at a character that WGSL does not know. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const start = at
    at = match(BLANK, text, start)
    if (at > start) continue
    if (text.startsWith('/*', start)) {
      at = blockCommentEnd(text, start)
      continue
    }
    at = match(LINE_COMMENT, text, start)
    if (at > start) continue
    let kind: Token['kind'] = 'word'
    at = match(WORD, text, start)
    if (at === start) {
      kind = 'number'
      at = match(NUMBER, text, start)
    }
    if (at === start) {
      kind = 'sign'
      at = match(SIGN, text, start)
    }
    if (at === start)
      throw new WgslError(`WGSL has no character ${JSON.stringify(String.fromCodePoint(text.codePointAt(start) ?? 0))}`, start)
    tokens.push({ kind, text: text.slice(start, at), start, end: at })
  }
  return tokens
}

/** Names places as compilers count them, both from 1: "line 3:14". */
export function placesOf(text: string): (offset: number) => string {
  const starts = [0, ...[...text.matchAll(LINE_BREAK)].map((found) => found.index + found[0].length)]
  return (offset) => {
    let [low, high] = [0, starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return `line ${low + 1}:${offset - (starts[low] ?? 0) + 1}`
  }
}
