/** How often a `for` loop runs at most, where that is known before it runs. */
import { intervalOf, joined, LIMITS, type Interval, type Scope } from './intervals.ts'
import type { Range, WgslLoop } from './wgsl-module.ts'

const ASSIGNMENTS: ReadonlySet<string> = new Set(['=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>=', '++', '--'])
const MIRRORED: ReadonlyMap<string, string> = new Map([
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
  ['!=', '!=']
])
/** WGSL wants parentheses around them beside a comparison. */
const MIXED: readonly string[] = ['||', '|', '^', '&']
const HALVINGS_MAX = 33

/** An upper bound of the iterations, or null. The loop must count with one variable that only its header changes. */
export function tripCount(loop: WgslLoop, scope: Scope): number | null {
  if (loop.kind !== 'for') return null
  const parts = splitAt(loop.header, ';', scope)
  const [init, condition, update] = parts
  if (parts.length !== 3 || init === undefined || condition === undefined || update === undefined) return null
  const step = readStep(update, scope)
  if (step === null || changes(step.counter, [condition, { from: loop.open, to: loop.close }], scope)) return null
  if (addressed(step.counter, init.from === init.to ? scope.body : init, scope)) return null
  const start = readStart(init, step.counter, scope)
  if (start === undefined) return null
  const bounds = splitAt(condition, '&&', scope).map((part) => {
    if (MIXED.some((sign) => splitAt(part, sign, scope).length > 1)) return null
    const test = readTest(part, step.counter, scope)
    return test === null ? null : tripsOf(start, test, step, scope)
  })
  const known = bounds.filter((bound) => bound !== null)
  return known.length === 0 ? null : Math.min(...known)
}

/** Parts between `sign` outside of brackets. */
function splitAt({ from, to }: Range, sign: string, { module: { tokens, partner } }: Scope): Range[] {
  const parts: Range[] = []
  let start = from
  for (let index = from; index < to; index++) {
    const close = partner.get(index)
    if (close !== undefined && close > index) index = close
    else if (tokens[index]?.text === sign) {
      parts.push({ from: start, to: index })
      start = index + 1
    }
  }
  return [...parts, { from: start, to }]
}

interface Step {
  readonly counter: string
  /** `+`, `-`, `*`, `/`, `<<` or `>>`. */
  readonly sign: string
  /** Null for ++ and --. */
  readonly by: Range | null
}

function readStep({ from, to }: Range, { module: { tokens } }: Scope): Step | null {
  const counter = tokens[from]?.text ?? ''
  const sign = tokens[from + 1]?.text ?? ''
  if (tokens[from]?.kind !== 'word') return null
  if (sign === '++' || sign === '--') return to === from + 2 ? { counter, sign: sign.slice(1), by: null } : null
  if (['+=', '-=', '*=', '/=', '<<=', '>>='].includes(sign)) return { counter, sign: sign.slice(0, -1), by: { from: from + 2, to } }
  const operator = tokens[from + 3]?.text ?? ''
  if (sign !== '=' || tokens[from + 2]?.text !== counter || !['+', '-', '*', '/', '<<', '>>'].includes(operator)) return null
  // One operand only: `i = i - 1 + 2` counts otherwise than it looks.
  return to === from + 5 ? { counter, sign: operator, by: { from: from + 4, to } } : null
}

/** Its first value; null when nothing is known of it, undefined when the header does not start a counter. */
function readStart({ from, to }: Range, counter: string, scope: Scope): Interval | null | undefined {
  const { tokens } = scope.module
  if (from === to) return scope.declared.get(counter) === 1 && !scope.module.variables.has(counter) ? declaredAs(counter, scope) : undefined
  if (tokens[from]?.text !== 'var' || tokens[from + 1]?.text !== counter) return undefined
  const typed = tokens[from + 2]?.text === ':'
  const equals = from + (typed ? 4 : 2)
  if (tokens[equals]?.text !== '=') return undefined
  const value = intervalOf({ from: equals + 1, to }, scope)
  const type = typed ? (tokens[from + 3]?.text ?? '') : null
  if (type === null) return value?.type === 'int' ? { ...value, type: 'i32' } : value
  if ((type !== 'u32' && type !== 'i32') || scope.declared.has(type)) return undefined
  return value === null ? { low: LIMITS[type][0], high: LIMITS[type][1], type } : { ...value, type }
}

/** A counter from before the loop: of its value only the type is known. */
function declaredAs(counter: string, scope: Scope): Interval | null | undefined {
  const { tokens } = scope.module
  const { from, to } = scope.body
  let at = from
  while (at < to && !(tokens[at]?.text === 'var' && tokens[at + 1]?.text === counter)) at++
  if (at === to) return undefined
  const type = tokens[at + 3]?.text ?? ''
  const value = tokens[at + 2]?.text === '=' && tokens[at + 4]?.text === ';' ? intervalOf({ from: at + 3, to: at + 4 }, scope) : null
  const known = tokens[at + 2]?.text === ':' && !scope.declared.has(type) ? type : value?.type === 'int' ? 'i32' : value?.type
  return known === 'u32' || known === 'i32' ? { low: LIMITS[known][0], high: LIMITS[known][1], type: known } : null
}

interface Test {
  readonly sign: string
  readonly bound: Interval
}

/** `counter < bound` or `bound > counter`. */
function readTest({ from, to }: Range, counter: string, scope: Scope): Test | null {
  const { tokens } = scope.module
  const last = to - 1
  const [first, second] = [tokens[from]?.text, tokens[from + 1]?.text ?? '']
  if (first === counter && MIRRORED.has(second)) {
    const bound = intervalOf({ from: from + 2, to }, scope)
    return bound === null ? null : { sign: second, bound }
  }
  const sign = tokens[last - 1]?.text ?? ''
  const mirrored = MIRRORED.get(sign)
  if (tokens[last]?.text !== counter || mirrored === undefined) return null
  const bound = intervalOf({ from, to: last - 1 }, scope)
  return bound === null ? null : { sign: mirrored, bound }
}

/** Whether anything here writes the counter or takes its address. */
function changes(counter: string, ranges: readonly Range[], scope: Scope): boolean {
  const { tokens } = scope.module
  return ranges.some((range) => {
    for (let index = range.from; index < range.to; index++) {
      if (tokens[index]?.text !== counter || tokens[index - 1]?.text === '.') continue
      let after = index + 1
      while (tokens[after]?.text === ')') after++
      if (ASSIGNMENTS.has(tokens[after]?.text ?? '') || tokens[after]?.text === ':') return true
    }
    return addressed(counter, range, scope)
  })
}

/** `&counter`, also with parentheses; `a & counter` is another thing. */
function addressed(counter: string, { from, to }: Range, { module: { tokens } }: Scope): boolean {
  for (let index = from; index < to; index++) {
    if (tokens[index]?.text !== counter) continue
    let before = index - 1
    while (tokens[before]?.text === '(') before--
    const operand = tokens[before - 1]
    const binary = operand !== undefined && (operand.kind !== 'sign' || operand.text === ')' || operand.text === ']')
    if (tokens[before]?.text === '&' && !binary) return true
  }
  return false
}

function tripsOf(start: Interval | null, { sign, bound }: Test, step: Step, scope: Scope): number | null {
  const by = step.by === null ? { low: 1, high: 1, type: 'int' as const } : intervalOf(step.by, scope)
  if (by === null || by.low !== by.high || !Number.isSafeInteger(by.low)) return null
  const shift = step.sign === '<<' || step.sign === '>>'
  if (shift && by.low > 31) return null
  const type = joined(start?.type ?? null, bound.type, shift ? null : by.type)
  if (type !== 'i32' && type !== 'u32') return null
  const [least, most] = LIMITS[type]
  const low = Math.max(least, start?.low ?? least)
  const high = Math.min(most, start?.high ?? most)
  if (step.sign === '*' || step.sign === '<<') return growing(sign, bound, low, shift ? 2 ** by.low : by.low, most)
  if (step.sign === '/' || step.sign === '>>') return shrinking(sign, bound, low, shift ? 2 ** by.low : by.low)
  const stride = step.sign === '-' ? -by.low : by.low
  if (stride === 0) return null
  if (sign === '!=') return unequal(low, high, bound, stride)
  const open = sign === '<' || sign === '>'
  if (stride > 0 && (sign === '<' || sign === '<=')) {
    const last = bound.high - (open ? 1 : 0)
    return last + stride > most ? null : Math.max(0, Math.floor((last - low) / stride) + 1)
  }
  if (stride < 0 && (sign === '>' || sign === '>=')) {
    const last = bound.low + (open ? 1 : 0)
    return last + stride < least ? null : Math.max(0, Math.floor((high - last) / -stride) + 1)
  }
  return null
}

/** Never jumps over its end only when both are known and a whole number of strides apart. */
function unequal(low: number, high: number, bound: Interval, stride: number): number | null {
  const trips = (bound.low - low) / stride
  return low === high && bound.low === bound.high && Number.isInteger(trips) && trips >= 0 ? trips : null
}

function growing(sign: string, bound: Interval, low: number, factor: number, most: number): number | null {
  if ((sign !== '<' && sign !== '<=') || low < 1 || factor < 2) return null
  const last = bound.high - (sign === '<' ? 1 : 0)
  return last * factor > most ? null : HALVINGS_MAX
}

/** Division ends at zero, a shift of a negative number at -1. */
function shrinking(sign: string, bound: Interval, low: number, factor: number): number | null {
  if (factor < 2) return null
  if (sign === '>' && bound.low >= 0) return HALVINGS_MAX
  if (sign === '>=' && bound.low >= 1) return HALVINGS_MAX
  return sign === '!=' && bound.low === 0 && bound.high === 0 && low >= 0 ? HALVINGS_MAX : null
}
