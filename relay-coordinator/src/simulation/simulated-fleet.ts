/** The hosts of a simulation, with their identities: whoever is banned, or comes and goes, has a new one. */
import { toBase64Url, type AccountId, type HostCertificate, type HostId } from '@peercompute/job-specs'
import type { ConnectedHost } from '../core/index.ts'
import { below, type Random } from './random.ts'
import type { SimulatedGroup } from './simulated-group.ts'

export interface SimulatedHost {
  readonly group: SimulatedGroup
  readonly connected: ConnectedHost
  /** Operations a second. */
  readonly speed: number
  /** Of the host's clock, in milliseconds. */
  readonly clockSkewMs: number
  executions: number
  /** In the list of the fleet's hosts; −1: it is gone. */
  place: number
}

export const NUMERIC_CLASS = 'simulated'
/** Of the right form; the core leaves checking to its callers. */
export const SIGNATURE = 'A'.repeat(86)

export class SimulatedFleet {
  readonly hosts: SimulatedHost[] = []
  readonly #random: Random
  readonly #byId = new Map<HostId, SimulatedHost>()
  #names = 0

  constructor(groups: readonly SimulatedGroup[], random: Random) {
    this.#random = random
    for (const group of groups) for (let i = 0; i < group.hosts; i++) this.hosts.push(this.#newcomer(group, i))
  }

  /** Also one that is gone. */
  known(id: HostId): SimulatedHost | undefined {
    return this.#byId.get(id)
  }

  any(): SimulatedHost {
    const host = this.hosts[below(this.#random, this.hosts.length)]
    if (host === undefined) throw new RangeError('Cannot choose a host of an empty fleet')
    return host
  }

  /** Whoever the host belongs to comes back under a new name, with the same habits, from the same network. */
  renamed(host: SimulatedHost): SimulatedHost {
    const { group, connected, speed, clockSkewMs, place } = host
    const identity = this.#identity()
    const certificate: HostCertificate = { ...connected.certificate, ...identity }
    const now: SimulatedHost = { group, speed, clockSkewMs, place, executions: 0, connected: { ...connected, ...identity, certificate } }
    this.hosts[place] = now
    this.#byId.set(identity.host, now)
    host.place = -1
    return now
  }

  /** It does not come back. */
  remove(host: SimulatedHost): void {
    const last = this.hosts.pop()
    if (last !== undefined && last !== host) {
      this.hosts[host.place] = last
      last.place = host.place
    }
    host.place = -1
  }

  #identity(): { host: HostId; account: AccountId } {
    const name = this.#names++
    return { host: keyOf(0, name) as HostId, account: keyOf(1, name) as AccountId }
  }

  #newcomer(group: SimulatedGroup, index: number): SimulatedHost {
    const first = this.#names
    const { host, account: own } = this.#identity()
    const account = group.owners >= group.hosts ? own : (keyOf(2, first - index + (index % group.owners)) as AccountId)
    const subnet = subnetOf(first - index + (index % group.subnets))
    const [slowest, fastest] = group.speed
    const speed = slowest + this.#random() * (fastest - slowest)
    const clockSkewMs = Math.round((2 * this.#random() - 1) * group.clockSkewMs)
    const certificate: HostCertificate = { v: 1, account, host, label: '', issuedAt: 0, sig: SIGNATURE }
    const executor = {
      kind: 'js' as const,
      slots: 1,
      numericClass: NUMERIC_CLASS,
      probeVersion: 1,
      features: [],
      software: false,
      operationsPerSecond: speed
    }
    const simulated: SimulatedHost = {
      group,
      speed,
      clockSkewMs,
      executions: 0,
      place: this.hosts.length,
      connected: {
        host,
        account,
        label: '',
        subnet,
        certificate,
        description: { agent: 'simulated', memoryBytes: 0, executors: [executor] }
      }
    }
    this.#byId.set(host, simulated)
    return simulated
  }
}

/** Something with the form of a public key. */
function keyOf(kind: number, number: number): string {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, number, true)
  bytes[31] = kind
  return toBase64Url(bytes)
}

function subnetOf(number: number): string {
  return `10.${(number >> 8) & 255}.${number & 255}.0/24${number < 65_536 ? '' : ` ${number >> 16}`}`
}
