/**
 * The guard of WGSL. A kernel that hangs cannot be stopped, so before it runs every loop is bounded, given fuel, or refused.
 * Nothing here trusts the text: what a compiler could read otherwise is refused.
 */
import { GUARD_PREFIX, LAUNCH_GROUP, type ParamValue } from '@peercompute/job-specs'
import type { Refusal } from '../../pool/unit-protocol.ts'
import { FUEL_START } from './fuel.ts'
import { planFuel, type FuelPlan } from './fuel-plan.ts'
import { GUARD_WORDS } from './guard-head.ts'
import { placesOf, WgslError } from './tokens.ts'
import { readModule, type WgslFunction, type WgslLoop, type WgslModule } from './wgsl-module.ts'

export interface GuardedWgsl {
  /** Every line of the text keeps its number; comments become blanks. */
  readonly code: string
  /** The code needs GUARD_WGSL before it, the guard buffer bound, and its limit written. */
  readonly fuelled: boolean
}

export interface WgslLint extends GuardedWgsl {
  /** Each loop, in the order of the text. */
  readonly loops: readonly {
    /** "line 3:14". */
    readonly place: string
    /** `bounded`: ends by itself within `trips`. `fuelled`: an iteration takes `steps`. `barrier`: so does it, of a fixed FUEL_START. */
    readonly how: 'bounded' | 'fuelled' | 'barrier'
    readonly trips?: number
    readonly steps?: number
  }[]
}

/** Longer texts are refused unread. */
export const WGSL_MAX_LENGTH = 524_288
const KINDS = { bounded: 'bounded', private: 'fuelled', own: 'barrier' } as const

/** `params`: the job's. A refusal has reason `compile_error` and begins with the place: "line 3:14: …". Never throws. */
export function guardWgsl(text: string, params: Readonly<Record<string, ParamValue>>): GuardedWgsl | Refusal {
  const lint = lintWgsl(text, params)
  return 'reason' in lint ? lint : { code: lint.code, fuelled: lint.fuelled }
}

/** As `guardWgsl`, and what was done to which loop. */
export function lintWgsl(text: string, params: Readonly<Record<string, ParamValue>>): WgslLint | Refusal {
  if (text.length > WGSL_MAX_LENGTH)
    return { reason: 'compile_error', message: `The WGSL has ${text.length} characters, ${WGSL_MAX_LENGTH} are allowed` }
  const placeOf = placesOf(text)
  try {
    const module = readModule(text)
    refuseOurNames(module)
    refuseOurGroup(module)
    const plan = planFuel(module, params)
    const loops = [...plan.loops].sort(([a], [b]) => a.at - b.at)
    return {
      code: written(module, plan),
      fuelled: plan.fuelled,
      loops: loops.map(([loop, { how, ...figures }]) => ({
        place: placeOf(module.tokens[loop.at]?.start ?? 0),
        how: KINDS[how],
        ...figures
      }))
    }
  } catch (error) {
    if (!(error instanceof WgslError)) throw error
    return { reason: 'compile_error', message: `${placeOf(error.offset)}: ${error.message}` }
  }
}

/** Our names, and other meanings of the words that our code is written with. */
function refuseOurNames({ tokens }: WgslModule): void {
  for (const [index, { kind, text, start }] of tokens.entries()) {
    if (kind !== 'word') continue
    if (text.startsWith(GUARD_PREFIX)) throw new WgslError(`Names that begin with ${GUARD_PREFIX} belong to the platform`, start)
    if (!GUARD_WORDS.has(text)) continue
    const before = tokens[index - 1]?.text ?? ''
    const behind = tokens[index + 1]?.text ?? ''
    if (['fn', 'let', 'var', 'const', 'override', 'alias', 'struct'].includes(before) || behind === ':' || isNamedByVar(tokens, index))
      throw new WgslError(`"${text}" is a word of WGSL: give yours another name`, start)
  }
}

/** `var<private> u32 …`. */
function isNamedByVar(tokens: WgslModule['tokens'], index: number): boolean {
  if (tokens[index - 1]?.text !== '>') return false
  let before = index - 2
  while (before > 0 && tokens[before]?.text !== '<') before--
  return tokens[before - 1]?.text === 'var'
}

function refuseOurGroup({ tokens, attributes }: WgslModule): void {
  for (const { name, argument, at } of attributes) {
    if (name !== 'group') continue
    const literal = /^(\d+)[iu]?$/.exec(tokens[argument.from]?.text ?? '')
    const comma = tokens[argument.to - 1]?.text === ',' ? 1 : 0
    const alone = argument.to - argument.from === 1 + comma
    const start = tokens[at]?.start ?? 0
    if (literal === null || !alone) throw new WgslError('The group must be written as a number: @group(1)', start)
    if (Number(literal[1]) === LAUNCH_GROUP) throw new WgslError(`Group ${LAUNCH_GROUP} belongs to the platform: use @group(1)`, start)
  }
}

interface Insertion {
  readonly at: number
  readonly text: string
}

function written(module: WgslModule, { loops, fuelled }: FuelPlan): string {
  const insertions: Insertion[] = []
  if (fuelled) for (const one of module.functions.values()) insertions.push(...guarded(module, one, loops))
  insertions.sort((a, b) => a.at - b.at)
  const { text, tokens } = module
  let code = ''
  let done = 0
  let next = 0
  for (const { start, end } of [...tokens, { start: text.length, end: text.length }]) {
    code += blank(text.slice(done, start)) + text.slice(start, end)
    done = end
    for (; insertions[next]?.at === end; next++) code += insertions[next]?.text ?? ''
  }
  return code
}

/** What stands between tokens, without comments. */
function blank(between: string): string {
  return between.replace(/[^\n\r\v\f\u0085\u2028\u2029]/gu, ' ')
}

function guarded(module: WgslModule, one: WgslFunction, plans: ReadonlyMap<WgslLoop, { how: string; steps?: number }>): Insertion[] {
  const { tokens } = module
  const insertions: Insertion[] = []
  const endOf = (index: number): number => tokens[index]?.end ?? 0
  let counters = ''
  function guardLoop(loop: WgslLoop): void {
    const { how, steps = 1 } = plans.get(loop) ?? { how: 'bounded' }
    if (how !== 'bounded') {
      const counter = how === 'private' ? `${GUARD_PREFIX}fuel` : `${GUARD_PREFIX}left_${loop.at}`
      if (how === 'own') counters += ` var ${counter} = ${FUEL_START}u;`
      const out = how === 'private' ? 'out' : 'out_at_barrier'
      insertions.push({
        at: endOf(loop.open),
        text: ` if (${counter} < ${steps}u) { ${GUARD_PREFIX}${out}(); break; } ${counter} -= ${steps}u;`
      })
      // A loop that only a return ended must still return: now something may come after it.
      if (one.returns !== null && endsByReturnOnly(module, loop))
        insertions.push({ at: endOf(loop.close), text: ` return ${one.returns}();` })
    }
    loop.children.forEach(guardLoop)
  }
  one.loops.forEach(guardLoop)
  const begin = one.entry ? ` ${GUARD_PREFIX}begin();` : ''
  if (begin + counters !== '') insertions.push({ at: endOf(one.open), text: begin + counters })
  return insertions
}

/** No condition and no `break` of its own. */
function endsByReturnOnly({ tokens, partner }: WgslModule, loop: WgslLoop): boolean {
  if (loop.kind === 'while') return false
  if (loop.kind === 'for') {
    let first = loop.header.from
    while (first < loop.header.to && tokens[first]?.text !== ';') first++
    if (tokens[first + 1]?.text !== ';') return false
  }
  const inner = new Map(loop.children.map((child) => [child.at, child.close]))
  for (let index = loop.open + 1; index < loop.close; index++) {
    const text = tokens[index]?.text
    index = inner.get(index) ?? index
    if (text === 'break') return false
    if (text === 'switch') {
      while (tokens[index]?.text !== '{') index++
      index = partner.get(index) ?? index
    }
  }
  return true
}
