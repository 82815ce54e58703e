/** Between which integers an expression of WGSL lies, from what is known before the kernel runs. */
import type { ParamValue } from '@peercompute/job-specs'
import type { Range, WgslFunction, WgslModule } from './wgsl-module.ts'

/** `int`: not yet i32 or u32, exact. Null: of a type that is not known, perhaps not even an integer. */
export type IntegerType = 'i32' | 'u32' | 'int' | null

export interface Interval {
  readonly low: number
  readonly high: number
  readonly type: IntegerType
}

/** Where names are looked up: a function of a module, with the job's parameters. */
export interface Scope {
  readonly module: WgslModule
  readonly params: Readonly<Record<string, ParamValue>>
  /** How often each name is declared in the module and in this function together. */
  readonly declared: ReadonlyMap<string, number>
  /** Values of this function's `let` and `const`. */
  readonly locals: ReadonlyMap<string, Range>
  /** The function's own tokens. */
  readonly body: Range
  /** Names that were looked up: constants of constants may be many. */
  readonly known: Map<string, Interval | null>
}

export const LIMITS = { i32: [-2_147_483_648, 2_147_483_647], u32: [0, 4_294_967_295] } as const
/** Beyond it a number of JavaScript is not exact. */
const EXACT_MAX = Number.MAX_SAFE_INTEGER
const DEPTH_MAX = 64
const LEVELS: readonly (readonly string[])[] = [['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '%']]

const typeWidth = (type: IntegerType): readonly [number, number] =>
  type === 'i32' || type === 'u32' ? LIMITS[type] : [-EXACT_MAX, EXACT_MAX]

/** What wraps may be anything; what is not exact is not known. */
function fitted(low: number, high: number, type: IntegerType): Interval | null {
  const [least, most] = typeWidth(type)
  if (low >= least && high <= most) return { low, high, type }
  return type === 'i32' || type === 'u32' ? { low: least, high: most, type } : null
}

/** Both sides of an operator are of one type. */
export function joined(...types: readonly IntegerType[]): IntegerType {
  return types.find((type) => type === 'i32' || type === 'u32') ?? (types.includes(null) ? null : 'int')
}

function product(a: Interval, b: Interval, type: IntegerType): Interval | null {
  const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]
  return fitted(Math.min(...corners), Math.max(...corners), type)
}

function combine(sign: string, a: Interval, b: Interval): Interval | null {
  const shift = sign === '<<' || sign === '>>'
  const type = shift ? a.type : joined(a.type, b.type)
  if (type === null) return null
  if (sign === '+') return fitted(a.low + b.low, a.high + b.high, type)
  if (sign === '-') return fitted(a.low - b.high, a.high - b.low, type)
  if (sign === '*') return product(a, b, type)
  if (sign === '&' && a.low >= 0 && b.low >= 0) return { low: 0, high: Math.min(a.high, b.high), type }
  const exact = b.low === b.high && b.low >= 0 ? b.low : null
  if (exact === null) return sign === '%' && a.low >= 0 && b.low > 0 ? { low: 0, high: Math.min(a.high, b.high - 1), type } : null
  if (shift && exact > 31) return null
  if (sign === '<<') return product(a, { low: 2 ** exact, high: 2 ** exact, type: a.type }, type)
  if (sign === '>>') return fitted(Math.floor(a.low / 2 ** exact), Math.floor(a.high / 2 ** exact), type)
  if (exact === 0) return null
  if (sign === '/') return fitted(Math.trunc(a.low / exact), Math.trunc(a.high / exact), type)
  if (sign === '%') return a.low >= 0 ? { low: 0, high: Math.min(a.high, exact - 1), type } : { low: 1 - exact, high: exact - 1, type }
  return null
}

function literal(text: string): Interval | null {
  const digits = /^(0x[\da-f]+|\d+)([iu]?)$/i.exec(text)
  if (digits === null) return null
  const value = Number(digits[1])
  return fitted(value, value, digits[2] === 'u' ? 'u32' : digits[2] === 'i' ? 'i32' : 'int')
}

/** Null when nothing is known. Expressions without side effects only are known. */
export function intervalOf(range: Range, scope: Scope, depth = 0): Interval | null {
  const { tokens, partner } = scope.module
  if (depth > DEPTH_MAX || range.from >= range.to) return null
  let at = range.from
  const textAt = (index: number): string => (index < range.to ? (tokens[index]?.text ?? '') : '')
  const inside = (part: Range): Interval | null => intervalOf(part, scope, depth + 1)

  function argumentsOf(open: number): (Interval | null)[] {
    const close = partner.get(open) ?? range.to
    const values: (Interval | null)[] = []
    for (let from = open + 1, index = from; index <= close; index++) {
      if (index < close && partner.has(index)) index = partner.get(index) ?? close
      if (index === close || tokens[index]?.text === ',') {
        if (index > from) values.push(inside({ from, to: index }))
        from = index + 1
      }
    }
    at = close + 1
    return values
  }
  function call(name: string, open: number): Interval | null {
    const [a = null, b = null, c = null] = argumentsOf(open)
    if (scope.declared.has(name)) return null
    if (name === 'min') return smaller(a, b)
    if (name === 'max') return greater(a, b)
    if (name === 'clamp') return smaller(greater(a, b), c)
    if (name === 'arrayLength') return { low: LIMITS.u32[0], high: LIMITS.u32[1], type: 'u32' }
    if (name === 'u32' || name === 'i32') {
      const [low, high] = LIMITS[name]
      return a !== null && a.type !== null && a.low >= low && a.high <= high ? { ...a, type: name } : { low, high, type: name }
    }
    return null
  }
  function primary(): Interval | null {
    const start = at
    const text = textAt(at++)
    if (text === '(') {
      at = (partner.get(start) ?? range.to) + 1
      return inside({ from: start + 1, to: at - 1 })
    }
    if (text === '-') {
      const value = primary()
      return value === null || value.type === null ? null : fitted(-value.high, -value.low, value.type)
    }
    const kind = tokens[start]?.kind
    if (kind === 'number') return literal(text)
    if (kind !== 'word') return null
    const next = textAt(at)
    if (next === '(') return call(text, at)
    if (next !== '.' && next !== '[') return named(text, scope, depth)
    const field = next === '.' ? member(text, textAt(at + 1), scope) : null
    const afterField = at + 2
    while (textAt(at) === '[' || textAt(at) === '.') at = textAt(at) === '[' ? (partner.get(at) ?? range.to) + 1 : at + 2
    return at === afterField ? field : null
  }
  function level(index: number): Interval | null {
    const signs = LEVELS[index]
    if (signs === undefined) return primary()
    let left = level(index + 1)
    while (at < range.to && signs.includes(textAt(at))) {
      const sign = textAt(at++)
      const right = level(index + 1)
      left = left === null || right === null ? (sign === '&' ? masked(left ?? right) : null) : combine(sign, left, right)
    }
    return left
  }
  const value = level(0)
  return at === range.to ? value : null
}

/** A mask that is not negative bounds whatever it is laid on. */
function masked(mask: Interval | null): Interval | null {
  return mask !== null && mask.low >= 0 ? { low: 0, high: mask.high, type: mask.type === 'int' ? null : mask.type } : null
}

function smaller(a: Interval | null, b: Interval | null): Interval | null {
  if (a === null || b === null) {
    const known = a ?? b
    if (known === null) return null
    const type = known.type === 'int' ? null : known.type
    return { low: type === 'u32' || type === 'i32' ? LIMITS[type][0] : -Infinity, high: known.high, type }
  }
  return { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high), type: joined(a.type, b.type) }
}

function greater(a: Interval | null, b: Interval | null): Interval | null {
  if (a === null || b === null) {
    const known = a ?? b
    if (known === null) return null
    const type = known.type === 'int' ? null : known.type
    return { low: known.low, high: type === 'u32' || type === 'i32' ? LIMITS[type][1] : Infinity, type }
  }
  return { low: Math.max(a.low, b.low), high: Math.max(a.high, b.high), type: joined(a.type, b.type) }
}

/** A field of the job's parameters or of the launch uniform. */
function member(owner: string, field: string, { module, params, declared }: Scope): Interval | null {
  if (owner === 'launch' && !declared.has('launch') && ['unit', 'repeat', 'pass_index', 'pass_count'].includes(field))
    return { low: LIMITS.u32[0], high: LIMITS.u32[1], type: 'u32' }
  const variable = module.variables.get(owner)
  if (owner !== 'params' || declared.get(owner) !== 1 || variable?.space[0] !== 'uniform') return null
  const structure = module.structs.get(module.tokens[variable.type.from]?.text ?? '')
  const type = structure?.get(field)
  const name = type !== undefined && type.to === type.from + 1 ? module.tokens[type.from]?.text : undefined
  if ((name !== 'u32' && name !== 'i32') || declared.has(name)) return null
  const value = Object.hasOwn(params, field) ? params[field] : undefined
  const [low, high] = LIMITS[name]
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high
    ? { low: value, high: value, type: name }
    : { low, high, type: name }
}

/** A constant of the module, or a `let` or `const` of the function. A name that is declared twice may be either. */
function named(name: string, scope: Scope, depth: number): Interval | null {
  if (scope.declared.get(name) !== 1) return null
  const before = scope.known.get(name)
  if (before !== undefined) return before
  const local = scope.locals.get(name)
  const variable = scope.module.variables.get(name)
  let value: Interval | null = null
  if (local !== undefined) value = valueOf(local, null, scope, depth)
  else if (variable?.kind === 'const') value = valueOf(variable.value, variable.type, scope, depth)
  scope.known.set(name, value)
  return value
}

function valueOf(value: Range, type: Range | null, scope: Scope, depth: number): Interval | null {
  const { tokens } = scope.module
  const declaredType = type !== null && type.to > type.from ? tokens[type.from]?.text : undefined
  const interval = intervalOf(value, scope, depth + 1)
  if (declaredType === undefined || interval === null) return interval
  if (scope.declared.has(declaredType) || (declaredType !== 'u32' && declaredType !== 'i32')) return null
  return { ...interval, type: declaredType }
}

/** Names that the module declares, and how often. */
export function moduleNames({ functions, variables, structs, tokens }: WgslModule): Map<string, number> {
  const names = new Map<string, number>()
  const add = (name: string): Map<string, number> => names.set(name, (names.get(name) ?? 0) + 1)
  for (const name of [...functions.keys(), ...variables.keys(), ...structs.keys()]) add(name)
  for (const [index, { text }] of tokens.entries()) if (text === 'alias') add(tokens[index + 1]?.text ?? '')
  return names
}

/** What a function sees. */
export function scopeOf(
  module: WgslModule,
  { parameters, open, close }: WgslFunction,
  params: Readonly<Record<string, ParamValue>>,
  names: ReadonlyMap<string, number>
): Scope {
  const { tokens } = module
  const declared = new Map(names)
  const locals = new Map<string, Range>()
  const add = (name: string): Map<string, number> => declared.set(name, (declared.get(name) ?? 0) + 1)
  for (let index = parameters.from; index < parameters.to; index++) {
    if (tokens[index + 1]?.text === ':' && tokens[index]?.kind === 'word') add(tokens[index]?.text ?? '')
  }
  for (let index = open; index < close; index++) {
    const keyword = tokens[index]?.text ?? ''
    if (keyword !== 'let' && keyword !== 'const' && keyword !== 'var') continue
    let name = index + 1
    if (keyword === 'var' && tokens[name]?.text === '<') while (name < close && tokens[name++]?.text !== '>');
    add(tokens[name]?.text ?? '')
    if (keyword === 'var' || tokens[name + 1]?.text !== '=') continue
    let end = name + 2
    while (end < close && tokens[end]?.text !== ';') end++
    locals.set(tokens[name]?.text ?? '', { from: name + 2, to: end })
  }
  return { module, params, declared, locals, body: { from: open, to: close }, known: new Map() }
}
