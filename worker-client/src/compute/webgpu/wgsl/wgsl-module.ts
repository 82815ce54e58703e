/** What the guard must know of a WGSL module: its declarations, functions, loops and calls. Everything else is left to the compiler. */
import { tokensOf, WgslError, type Token } from './tokens.ts'

/** Token indices, the end not included. */
export interface Range {
  readonly from: number
  readonly to: number
}

export interface WgslLoop {
  readonly kind: 'loop' | 'for' | 'while'
  /** Index of its keyword. */
  readonly at: number
  /** Between keyword and body: condition, or the parts in parentheses of a `for`. */
  readonly header: Range
  /** Indices of its body's braces. */
  readonly open: number
  readonly close: number
  readonly children: readonly WgslLoop[]
}

export interface WgslFunction {
  readonly name: string
  readonly at: number
  readonly entry: boolean
  readonly parameters: Range
  /** Text of the type that it returns; null for none. */
  readonly returns: string | null
  readonly open: number
  readonly close: number
  readonly loops: readonly WgslLoop[]
}

export interface WgslVariable {
  readonly kind: 'const' | 'override' | 'var'
  readonly at: number
  /** Tokens between `<` and `>` of a `var`. */
  readonly space: readonly string[]
  readonly type: Range
  readonly value: Range
}

export interface WgslModule {
  readonly text: string
  readonly tokens: readonly Token[]
  /** Index of the other bracket of each bracket. */
  readonly partner: ReadonlyMap<number, number>
  readonly functions: ReadonlyMap<string, WgslFunction>
  readonly variables: ReadonlyMap<string, WgslVariable>
  /** Members of structs: type tokens by name. A struct whose members have attributes lays them out in its own way and is kept without them. */
  readonly structs: ReadonlyMap<string, ReadonlyMap<string, Range>>
  readonly attributes: readonly { readonly name: string; readonly argument: Range; readonly at: number }[]
}

/** Tint stops at this depth too. */
const DEPTH_MAX = 127
const FUNCTIONS_MAX = 1_024
const LOOPS_MAX = 2_048
const CLOSING: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}']
])
const CLOSERS: ReadonlySet<string> = new Set(CLOSING.values())

function partnersOf(tokens: readonly Token[]): Map<number, number> {
  const partner = new Map<number, number>()
  const open: number[] = []
  for (const [index, { text, start }] of tokens.entries()) {
    if (CLOSING.has(text)) {
      open.push(index)
      if (open.length > DEPTH_MAX) throw new WgslError(`Brackets are nested deeper than ${DEPTH_MAX}`, start)
    } else if (CLOSERS.has(text)) {
      const opener = open.pop()
      if (opener === undefined || CLOSING.get(tokens[opener]?.text ?? '') !== text) throw new WgslError(`"${text}" closes nothing`, start)
      partner.set(opener, index)
      partner.set(index, opener)
    }
  }
  const left = open.pop()
  if (left !== undefined) throw new WgslError(`"${tokens[left]?.text ?? ''}" is not closed`, tokens[left]?.start ?? 0)
  return partner
}

/** Throws WgslError where the text has not the shape of a WGSL module. */
export function readModule(text: string): WgslModule {
  const tokens = tokensOf(text)
  const partner = partnersOf(tokens)
  const functions = new Map<string, WgslFunction>()
  const variables = new Map<string, WgslVariable>()
  const structs = new Map<string, ReadonlyMap<string, Range>>()
  const attributes: { name: string; argument: Range; at: number }[] = []
  let loopCount = 0
  let at = 0

  const textAt = (index: number): string => tokens[index]?.text ?? ''
  const fail = (index: number, wanted: string): never => {
    throw new WgslError(`${wanted} was expected`, tokens[index]?.start ?? text.length)
  }
  const other = (index: number): number => partner.get(index) ?? fail(index, 'A bracket')
  const word = (index: number): string => (tokens[index]?.kind === 'word' ? textAt(index) : fail(index, 'A name'))
  function expect(index: number, sign: string): number {
    return textAt(index) === sign ? index : fail(index, `"${sign}"`)
  }
  /** Index of the next of these signs outside of brackets. */
  function find(from: number, ...signs: readonly string[]): number {
    for (let index = from; index < tokens.length; index++) {
      const sign = textAt(index)
      if (signs.includes(sign)) return index
      if (CLOSING.has(sign)) index = other(index)
      else if (CLOSERS.has(sign)) break
    }
    return fail(from, `"${signs.join('" or "')}"`)
  }
  function skipAttributes(from: number): number {
    let index = from
    while (textAt(index) === '@') {
      const name = word(index + 1)
      const bracket = textAt(index + 2) === '('
      const argument = bracket ? { from: index + 3, to: other(index + 2) } : { from: index + 2, to: index + 2 }
      attributes.push({ name, argument, at: index })
      index = bracket ? argument.to + 1 : index + 2
    }
    return index
  }
  function readLoop(kind: WgslLoop['kind'], start: number): WgslLoop {
    if (++loopCount > LOOPS_MAX) throw new WgslError(`A kernel has at most ${LOOPS_MAX} loops`, tokens[start]?.start ?? 0)
    let header = { from: start + 1, to: start + 1 }
    let open = start + 1
    if (kind === 'for') {
      header = { from: expect(start + 1, '(') + 1, to: other(start + 1) }
      open = header.to + 1
    } else if (kind === 'while') {
      open = find(start + 1, '{')
      header = { from: start + 1, to: open }
    }
    open = expect(kind === 'while' ? open : skipAttributes(open), '{')
    return { kind, at: start, header, open, close: other(open), children: readLoops(open + 1, other(open)) }
  }
  function readLoops(from: number, to: number): WgslLoop[] {
    const loops: WgslLoop[] = []
    for (let index = from; index < to; index++) {
      const kind = textAt(index)
      if (kind !== 'loop' && kind !== 'for' && kind !== 'while') continue
      const loop = readLoop(kind, index)
      loops.push(loop)
      index = loop.close
    }
    return loops
  }
  function readFunction(entry: boolean): void {
    const start = at
    const name = word(at + 1)
    const parameters = { from: expect(at + 2, '(') + 1, to: other(at + 2) }
    const open = find(parameters.to + 1, '{')
    const typeAt = textAt(parameters.to + 1) === '->' ? skipAttributes(parameters.to + 2) : open
    const returns =
      typeAt === open
        ? null
        : tokens
            .slice(typeAt, open)
            .map((token) => token.text)
            .join(' ')
    const close = other(open)
    if (functions.size === FUNCTIONS_MAX) throw new WgslError(`A kernel has at most ${FUNCTIONS_MAX} functions`, tokens[start]?.start ?? 0)
    functions.set(name, { name, at: start, entry, parameters, returns, open, close, loops: readLoops(open + 1, close) })
    at = close + 1
  }
  function readStruct(): void {
    const open = expect(at + 2, '{')
    const members = new Map<string, Range>()
    for (let index = open + 1; index < other(open);) {
      const name = skipAttributes(index)
      let end = expect(name + 1, ':') + 1
      let depth = 0
      for (; end < other(open) && (depth > 0 || textAt(end) !== ','); end++) depth += { '<': 1, '>': -1, '>>': -2 }[textAt(end)] ?? 0
      members.set(word(name), { from: name + 2, to: end })
      index = end + 1
    }
    const plain = !tokens.slice(open, other(open)).some((token) => token.text === '@')
    structs.set(word(at + 1), plain ? members : new Map())
    at = other(open) + 1
  }
  function readVariable(kind: WgslVariable['kind']): void {
    const end = find(at, ';')
    const closer = kind === 'var' && textAt(at + 1) === '<' ? find(at + 2, '>') : at
    const space = tokens.slice(at + 2, closer).map((token) => token.text)
    const equals = find(closer + 1, '=', ';')
    const typed = textAt(closer + 2) === ':'
    const type = { from: closer + 3, to: typed ? equals : closer + 3 }
    variables.set(word(closer + 1), { kind, at, space, type, value: { from: Math.min(equals + 1, end), to: end } })
    at = end + 1
  }

  while (at < tokens.length) {
    const before = attributes.length
    at = skipAttributes(at)
    const keyword = textAt(at)
    if (keyword === 'fn') readFunction(attributes.slice(before).some(({ name }) => name === 'compute'))
    else if (keyword === 'struct') readStruct()
    else if (keyword === 'const' || keyword === 'override' || keyword === 'var') readVariable(keyword)
    else if (['alias', 'const_assert', 'enable', 'requires', 'diagnostic', ';'].includes(keyword)) at = find(at, ';') + 1
    else fail(at, 'A declaration')
  }
  return { text, tokens, partner, functions, variables, structs, attributes }
}
