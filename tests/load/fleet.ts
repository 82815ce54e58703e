/** Many volunteers in one process, the same ones for the same seed. */
import type { HostId } from '@peercompute/job-specs'
import { seededRandom } from '../harness/seeded-random.ts'
import { startLossyTcp, type TcpLine } from '../harness/lossy-tcp.ts'
import { comeFromDialledAddress, loopbackAddress } from './dialled-address.ts'
import { createLightHost, type Honesty } from './light-host.ts'
import { openLink, type CoordinatorPlace, type LinkKind } from './links.ts'
import { emptyTally, type Tally } from './tally.ts'
import { runVolunteer, type Pattern } from './volunteer.ts'
import { setTimeout as sleep } from 'node:timers/promises'

export interface FleetOptions {
  readonly coordinator: CoordinatorPlace
  readonly link: LinkKind
  readonly pattern: Pattern
  /** Number of the first volunteer: it decides the address, and who lies. */
  readonly first: number
  readonly count: number
  /** Shares of volunteers, 0 to 1. */
  readonly wrong: number
  readonly colluding: number
  /** Share of the units about which liars lie. */
  readonly lieRate: number
  /** Executions of each before its first lie. */
  readonly honestFor: number
  /** The line to the coordinator; null: as good as loopback is. */
  readonly line: TcpLine | null
  /** So many come in a second, at most. */
  readonly joinsPerSecond: number
  readonly seed: number
}

export interface Fleet {
  readonly tally: Tally
  readonly hosts: readonly HostId[]
  /** Counts from zero again; who is connected stays. */
  reset(): void
  /** Everybody leaves. Idempotent. */
  stop(): Promise<void>
}

/** Resolves when all have begun to come. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  comeFromDialledAddress()
  const { link, pattern, first, count, lieRate, honestFor, seed } = options
  const line = options.line === null ? null : await startLossyTcp(() => options.coordinator.port, seed, options.line)
  const coordinator = line === null ? options.coordinator : { ...options.coordinator, port: line.port }
  const tally = emptyTally()
  const ending = new AbortController()
  const running: Promise<void>[] = []
  const hosts: HostId[] = []

  for (let index = first; index < first + count; index++) {
    const random = seededRandom(seed + index)
    const host = await createLightHost({ index, honesty: honestyOf(random(), options), lieRate, honestFor })
    hosts.push(host.certificate.host)
    const connect = () => openLink(link, coordinator, loopbackAddress(index))
    const after = ((index - first) / options.joinsPerSecond) * 1_000
    running.push(
      sleep(after, undefined, { signal: ending.signal })
        .then(() => runVolunteer({ host, connect, pattern, tally, random, signal: ending.signal }))
        .catch(() => undefined)
    )
  }
  return {
    tally,
    hosts,
    reset() {
      Object.assign(tally, emptyTally(), { connected: tally.connected })
    },
    async stop() {
      ending.abort()
      await Promise.all(running)
      await line?.close()
    }
  }
}

function honestyOf(draw: number, { wrong, colluding }: FleetOptions): Honesty {
  if (draw < wrong) return 'wrong'
  return draw < wrong + colluding ? 'colluding' : 'honest'
}
