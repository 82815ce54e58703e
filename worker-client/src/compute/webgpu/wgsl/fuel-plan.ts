/**
 * Which loops of a module get fuel, and how much of it an iteration takes. Costs are counted in tokens that an invocation passes at
 * most, over calls and loops.
 */
import type { ParamValue } from '@peercompute/job-specs'
import { FUEL_START } from './fuel.ts'
import { moduleNames, scopeOf } from './intervals.ts'
import { WgslError } from './tokens.ts'
import { tripCount } from './trip-count.ts'
import type { WgslFunction, WgslLoop, WgslModule } from './wgsl-module.ts'

export const STEP_TOKENS = 64
/** What a loop of known length may cost without fuel: as much as FUEL_START is for. */
const FREE_MAX = 2 ** 22
/** What an invocation may cost beside its fuel, in all: 16 ms of arithmetic, 2.4 s where every seventh token waits 0.5 us for memory. */
const UNFUELLED_MAX = 2 ** 25
/** Drivers put the code of a function at each of its calls. */
const INLINED_MAX = 2 ** 20
/** Must be reached by all invocations of a workgroup or subgroup together, so that a loop around it must not end for some of them. */
const COLLECTIVE = /^(?:(?:workgroup|storage|texture)Barrier|workgroupUniformLoad|(?:subgroup|quad)[A-Z]\w*)$/

export type LoopPlan =
  | { readonly how: 'bounded'; readonly trips: number }
  /** `private`: from the invocation's fuel. `own`: from a counter of this loop, which is the same in all invocations. */
  | { readonly how: 'private' | 'own'; readonly steps: number }

export interface FuelPlan {
  readonly loops: ReadonlyMap<WgslLoop, LoopPlan>
  readonly fuelled: boolean
}

interface Cost {
  /** Tokens that an invocation passes at most beside its fuel. */
  readonly unfuelled: number
  /** Tokens with every call put in. */
  readonly inlined: number
}

/** Throws WgslError for a kernel that cannot be bounded. */
export function planFuel(module: WgslModule, params: Readonly<Record<string, ParamValue>>): FuelPlan {
  const trips = tripCounts(module, params)
  let plan: FuelPlan | string = ''
  // Many loops of a bearable length may be too long together: then they get fuel too.
  for (let free = FREE_MAX; typeof plan === 'string' && free >= 1; free /= 8) plan = new Planner(module, trips, free).plan()
  if (typeof plan !== 'string') return plan
  throw new WgslError(plan, module.tokens[[...module.functions.values()].find(({ entry }) => entry)?.at ?? 0]?.start ?? 0)
}

function tripCounts(module: WgslModule, params: Readonly<Record<string, ParamValue>>): ReadonlyMap<WgslLoop, number> {
  const trips = new Map<WgslLoop, number>()
  const names = moduleNames(module)
  for (const one of module.functions.values()) {
    if (one.loops.length === 0) continue
    const scope = scopeOf(module, one, params, names)
    const count = (loop: WgslLoop): void => {
      const known = tripCount(loop, scope)
      if (known !== null) trips.set(loop, known)
      loop.children.forEach(count)
    }
    one.loops.forEach(count)
  }
  return trips
}

class Planner {
  readonly #module: WgslModule
  readonly #trips: ReadonlyMap<WgslLoop, number>
  readonly #free: number
  readonly #costs = new Map<WgslFunction, Cost | 'open'>()
  readonly #collective = new Map<WgslFunction, boolean>()
  readonly #loops = new Map<WgslLoop, LoopPlan>()
  /** Loops with a counter of their own in the function that is being planned. */
  #ownLoops = 0

  constructor(module: WgslModule, trips: ReadonlyMap<WgslLoop, number>, free: number) {
    this.#module = module
    this.#trips = trips
    this.#free = free
  }

  /** A sentence when it costs too much. */
  plan(): FuelPlan | string {
    for (const one of this.#module.functions.values()) {
      const { unfuelled, inlined } = this.#function(one)
      if (inlined > INLINED_MAX)
        return `The calls of "${one.name}" multiply to ${inlined} tokens, ${INLINED_MAX} are allowed: call functions from a loop instead of each other`
      if (unfuelled > UNFUELLED_MAX)
        return `The loops with barriers that "${one.name}" runs may take too long (${Math.ceil(unfuelled / STEP_TOKENS)} steps in one invocation, ${UNFUELLED_MAX / STEP_TOKENS} are allowed): bound them by smaller constants, or spread them over passes with "repeat"`
    }
    return { loops: this.#loops, fuelled: [...this.#loops.values()].some(({ how }) => how !== 'bounded') }
  }

  #function(one: WgslFunction): Cost {
    const known = this.#costs.get(one)
    if (known === 'open')
      throw new WgslError(`"${one.name}" calls itself, which WGSL does not allow`, this.#module.tokens[one.at]?.start ?? 0)
    if (known !== undefined) return known
    this.#costs.set(one, 'open')
    const ofCaller = this.#ownLoops
    this.#ownLoops = 0
    const { unfuelled, inlined, collective } = this.#region(one.open, one.close, one.loops)
    const cost = { unfuelled: unfuelled + this.#ownLoops * FUEL_START * STEP_TOKENS, inlined }
    this.#ownLoops = ofCaller
    this.#costs.set(one, cost)
    this.#collective.set(one, collective)
    return cost
  }

  /** Its loops are planned on the way. */
  #region(from: number, to: number, loops: readonly WgslLoop[]): Cost & { readonly collective: boolean } {
    const { tokens, functions } = this.#module
    let unfuelled = 0
    let inlined = 0
    let collective = false
    let next = 0
    for (let index = from; index < to; index++) {
      unfuelled++
      inlined++
      const loop = loops[next]
      if (loop?.at === index) {
        const cost = this.#loop(loop)
        unfuelled += cost.unfuelled
        inlined += cost.inlined
        collective ||= cost.collective
        index = loop.close
        next++
        continue
      }
      const text = tokens[index]?.text ?? ''
      if (tokens[index]?.kind !== 'word' || (tokens[index + 1]?.text !== '(' && tokens[index + 1]?.text !== '<')) continue
      if (COLLECTIVE.test(text)) collective = true
      const called = functions.get(text)
      if (called === undefined) continue
      const cost = this.#function(called)
      unfuelled += cost.unfuelled
      inlined += cost.inlined
      collective ||= this.#collective.get(called) ?? false
    }
    return { unfuelled, inlined, collective }
  }

  #loop(loop: WgslLoop): Cost & { readonly collective: boolean } {
    const header = this.#region(loop.header.from, loop.header.to, [])
    const body = this.#region(loop.open, loop.close, loop.children)
    const once = header.unfuelled + body.unfuelled
    const inlined = header.inlined + body.inlined
    const collective = header.collective || body.collective
    const trips = this.#trips.get(loop)
    const bounded = trips === undefined ? Infinity : (trips + 1) * once
    const steps = Math.ceil(once / STEP_TOKENS)
    if (trips !== undefined && (bounded <= this.#free || (collective && bounded <= UNFUELLED_MAX))) {
      this.#loops.set(loop, { how: 'bounded', trips })
      return { unfuelled: bounded, inlined, collective }
    }
    if (!collective) {
      this.#loops.set(loop, { how: 'private', steps })
      return { unfuelled: once, inlined, collective }
    }
    if (steps > FUEL_START)
      throw new WgslError(
        `One iteration of this loop with barriers may take ${steps} steps, ${FUEL_START} are allowed: bound the loops inside it by constants`,
        this.#module.tokens[loop.at]?.start ?? 0
      )
    this.#loops.set(loop, { how: 'own', steps })
    // Its counter lasts for the whole function, however often the loop is begun.
    this.#ownLoops++
    return { unfuelled: once, inlined, collective }
  }
}
