/** Hosts of one kind in a simulated fleet: how often they are wrong, how their wrong answers look, how fast and how reliable they are. */

/**
 * How the wrong answers of a group look. `different`: each is another (broken hardware, or liars who do not know of each other). `same`: all
 * who are wrong about a unit say the same (colluding). `constant`: one and the same for every unit (lazy).
 */
export type WrongAnswers = 'different' | 'same' | 'constant'

export interface SimulatedGroup {
  readonly name: string
  readonly hosts: number
  /** Probability that an execution is wrong. */
  readonly errorRate: number
  readonly wrong: WrongAnswers
  /** Executions that it does honestly first. */
  readonly honestFor: number
  /** Liars are wrong on purpose; faulty ones without knowing it, and far more often than sound ones. */
  readonly kind: 'sound' | 'faulty' | 'liar'
  /** Whoever is banned is back at once under a new name. */
  readonly returns: boolean
  /** Networks on which its hosts are spread. */
  readonly subnets: number
  /** People to whom its hosts belong. */
  readonly owners: number
  /** Operations a second, from and to. Only on a timeline. */
  readonly speed: readonly [number, number]
  /** Probability that a lease is never reported. Only on a timeline. */
  readonly silent: number
  /** Probability that a lease takes `STRAGGLING_TIMES` as long. Only on a timeline. */
  readonly straggling: number
  /** Milliseconds by which its clocks are wrong, either way. */
  readonly clockSkewMs: number
}

/** Executions that go wrong on sound devices (flipped bits), as in the simulation that the figures are compared with. */
export const HONEST_ERROR_RATE = 0.001

export function honestHosts(hosts: number, more: Partial<SimulatedGroup> = {}): SimulatedGroup {
  return {
    name: 'honest',
    hosts,
    errorRate: HONEST_ERROR_RATE,
    wrong: 'different',
    honestFor: 0,
    kind: 'sound',
    returns: true,
    subnets: hosts,
    owners: hosts,
    speed: [1e9, 1e9],
    silent: 0,
    straggling: 0,
    clockSkewMs: 0,
    ...more
  }
}

/** Liars who agree on their lies, unless told otherwise. */
export function liars(hosts: number, errorRate: number, more: Partial<SimulatedGroup> = {}): SimulatedGroup {
  return honestHosts(hosts, { name: 'liars', errorRate, wrong: 'same', kind: 'liar', ...more })
}

/** Devices that are wrong far more often than others and know nothing of it. */
export function faultyHosts(hosts: number, errorRate: number, more: Partial<SimulatedGroup> = {}): SimulatedGroup {
  return honestHosts(hosts, { name: 'faulty', kind: 'faulty', errorRate, ...more })
}
