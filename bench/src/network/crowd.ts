/** Many light peers, spread over processes. */
import { until } from '@peercompute/tests'
import { pause } from '../time.ts'
import { startChild } from '@peercompute/tests/child'
import type { Run } from '../bench.ts'
import type { PeersCommands } from './peers-process.ts'

/** More in one process would make its event loop, not the relay, what is measured. */
const PEERS_PER_PROCESS = 50
/** As the issue wants it of a crowd that comes back. */
export const JOINS_PER_SECOND = 15

export type PeerState = Awaited<ReturnType<PeersCommands['state']>>[number]
export type Heard = Awaited<ReturnType<PeersCommands['heard']>>[number]

export interface Crowd {
  readonly ids: readonly string[]
  /** All at once, or that many a second. Answers when the last has begun to dial. */
  join(perSecond?: number): Promise<void>
  state(): Promise<readonly PeerState[]>
  /** Waits until every peer has the relay and an address through it. */
  settled(timeoutMs: number): Promise<void>
  /** For each peer: how many of the others it has seen, and when the last of them. */
  seen(): Promise<readonly { readonly count: number; readonly lastAt: number }[]>
  listen(): Promise<void>
  /** When it was sent. */
  publish(index: number, probe: number): Promise<number>
  heard(): Promise<readonly Heard[]>
}

/** Peers that dial nobody yet. */
export async function createCrowd(run: Run, count: number, relays: readonly string[], dht: boolean): Promise<Crowd> {
  const sizes = Array.from({ length: Math.ceil(count / PEERS_PER_PROCESS) }, (_, i) =>
    Math.min(PEERS_PER_PROCESS, count - i * PEERS_PER_PROCESS)
  )
  const processes = await Promise.all(
    sizes.map(async () => {
      const child = await startChild<PeersCommands>(new URL('peers-process.ts', import.meta.url))
      run.after(() => child.kill())
      return child
    })
  )
  const made = await Promise.all(processes.map((child, i) => child.call('create', { count: sizes[i] ?? 0, relays, dht })))
  const ids = made.flat()
  const places = processes.flatMap((child, i) => (made[i] ?? []).map((_, index) => ({ child, index })))
  if (new Set(ids).size !== count) throw new Error('Two peers have the same id')
  run.report(`${count} peers in ${processes.length} processes`)

  const state = async (): Promise<PeerState[]> => (await Promise.all(processes.map((child) => child.call('state', undefined)))).flat()
  return {
    ids,
    async join(perSecond) {
      if (perSecond === undefined) {
        await Promise.all(places.map(({ child, index }) => child.call('join', index)))
        return
      }
      const from = performance.now()
      for (const [turn, { child, index }] of places.entries()) {
        await pause(Math.max(0, from + (turn / perSecond) * 1_000 - performance.now()))
        await child.call('join', index)
      }
    },
    state,
    async settled(timeoutMs) {
      const isThere = ({ connectedAt, reachableAt }: PeerState): boolean => connectedAt !== null && reachableAt !== null
      await until(`${count} peers with an address`, async () => (await state()).every(isThere), timeoutMs)
    },
    seen: async () => (await Promise.all(processes.map((child) => child.call('seen', ids)))).flat(),
    async listen() {
      await Promise.all(processes.map((child) => child.call('listen', undefined)))
    },
    async publish(index, probe) {
      const place = places[index]
      if (place === undefined) throw new RangeError(`There is no peer ${index}`)
      return place.child.call('publish', { index: place.index, probe })
    },
    heard: async () => (await Promise.all(processes.map((child) => child.call('heard', undefined)))).flat()
  }
}
