/** Who is banned, and who never is. */
import type { JobId } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { connectedHost, unsigned, smallSpec } from '../testing/fixtures.ts'
import { atLeast, banCause } from './banning.ts'
import { hasFailed, hasPassed, programOf, reputationFrom, type Reputation } from './reputation.ts'

const { job } = unsigned(smallSpec())
const program = programOf(smallSpec(), 'js')
const witness = (name: string) => ({ host: connectedHost(name).host, executor: 'js' as const })
const [A, B] = [witness('a'), witness('b')]
const everybody = () => true

function newcomer(): Reputation {
  if (program === null) throw new Error('The small job has a program for js')
  return reputationFrom({ host: connectedHost('suspect').host, executor: 'js', program, passed: 0, checks: 0, failures: 0, colluded: 0 })
}

/** Uniform in [0, 1), the same for the same seed. */
function draws(seed: number): () => number {
  let at = seed >>> 0
  return () => {
    at = (at + 0x6d2b79f5) >>> 0
    let t = Math.imul(at ^ (at >>> 15), 1 | at)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Comparisons until it is banned; Infinity when it never is. */
function checksUntilBan(errorRate: number, checks: number, random: () => number): number {
  const reputation = newcomer()
  for (let n = 1; n <= checks; n++) {
    if (random() >= errorRate) {
      hasPassed(reputation)
      continue
    }
    hasFailed(reputation, { job, unit: n, witnesses: [A, B] }, false)
    if (banCause(reputation, everybody) !== null) return n
  }
  return Infinity
}

it('the probability of so many failures by accident is that of the binomial distribution', () => {
  expect(atLeast(0, 10, 0.005)).toBeCloseTo(1, 12)
  expect(atLeast(1, 1, 0.005)).toBeCloseTo(0.005, 12)
  expect(atLeast(2, 2, 0.005)).toBeCloseTo(2.5e-5, 12)
  // 1 − 0.995^10 − 10·0.005·0.995^9
  expect(atLeast(2, 10, 0.005)).toBeCloseTo(1 - 0.995 ** 10 - 10 * 0.005 * 0.995 ** 9, 12)
})

it('sound devices that err in a thousandth of their work are never banned in 2 000 comparisons, liars at a tenth soon are', () => {
  const seed = Date.now() % 2 ** 31
  console.info(`seed ${seed}`)
  const random = draws(seed)
  const sound = Array.from({ length: 200 }, () => checksUntilBan(0.001, 2_000, random))
  expect(sound.filter(Number.isFinite)).toEqual([])
  const liars = Array.from({ length: 500 }, () => checksUntilBan(0.1, 2_000, random)).sort((a, b) => a - b)
  expect(liars[250]).toBeLessThan(60)
  expect(liars[499]).toBeLessThan(600)
})

it('a long good past does not protect who begins to lie', () => {
  const reputation = newcomer()
  for (let n = 0; n < 5_000; n++) hasPassed(reputation)
  let lies = 0
  while (banCause(reputation, everybody) === null) hasFailed(reputation, { job, unit: lies++, witnesses: [A, B] }, false)
  expect(lies).toBeLessThanOrEqual(5)
})

it('two wrong answers in common with others are enough, one is not', () => {
  const reputation = newcomer()
  hasFailed(reputation, { job, unit: 1, witnesses: [A, B] }, true)
  expect(banCause(reputation, everybody)).toBeNull()
  hasFailed(reputation, { job, unit: 2, witnesses: [A, B] }, true)
  expect(banCause(reputation, everybody)).toBe('collusion')
})

it('one witness alone bans nobody, and neither does one unit', () => {
  const against = (faults: readonly [number, readonly (typeof A)[]][]) => {
    const reputation = newcomer()
    for (const [unit, witnesses] of faults) hasFailed(reputation, { job, unit, witnesses }, true)
    return banCause(reputation, everybody)
  }
  expect(against([1, 2, 3, 4, 5].map((unit) => [unit, [A]]))).toBeNull()
  expect(against([1, 1, 1, 1, 1].map((unit) => [unit, [A, B]]))).toBeNull()
  expect(
    against([
      [1, [A]],
      [2, [B]]
    ])
  ).toBe('collusion')
})

it('where most witnesses disagree with others as often, the program is at fault and nobody is banned', () => {
  const reputation = newcomer()
  const witnesses = ['a', 'b', 'c', 'd', 'e'].map(witness)
  for (let unit = 0; unit < 6; unit++) hasFailed(reputation, { job: job satisfies JobId, unit, witnesses }, true)
  expect(banCause(reputation, ({ host }) => host === A.host || host === B.host)).toBeNull()
  expect(banCause(reputation, ({ host }) => host !== A.host && host !== B.host)).toBe('collusion')
})
