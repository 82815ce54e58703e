/** Where the page meets the rooms library. It is loaded when a room is entered: libp2p is far larger than everything else here. */
import { leastResults, coordinatorInfoSchema, PeerComputeError, type BlobRef, type Bytes, type JobId } from '@peercompute/job-specs'
import { LIBRARY, nQueens, specFor } from '@peercompute/kernels'
import type { Member, RoomSession } from '@peercompute/rooms'
import type { RoomPicture } from '../models/room.ts'
import { API, blobPath } from './api.ts'
import { ask, send } from './http.ts'
import { readPreferences } from './kept-preferences.ts'

export interface RoomClient {
  picture(): RoomPicture
  /** Computes for the room; again after a pause. */
  lend(): Promise<void>
  rest(): void
  publishSample(): Promise<JobId>
  leave(): Promise<void>
}

/** The page that opens a link is this one. Its relays are the coordinator's, which learns nothing but that there is a room. */
export async function makeRoomLink(name: string): Promise<string> {
  const [{ createRoomLink }, { addresses, relays }] = await Promise.all([
    import('@peercompute/rooms'),
    ask(`${API}/coordinator`, coordinatorInfoSchema)
  ])
  return createRoomLink({ page: `${location.origin}/`, name, via: [...addresses, ...relays].slice(0, 8) })
}

/** Throws ROOM_LINK_INVALID. */
export async function checkRoomLink(text: string): Promise<void> {
  const { parseRoomLink } = await import('@peercompute/rooms')
  parseRoomLink(text)
}

/** Null when another tab of this browser is in the room. Rejects with ROOM_LINK_INVALID. */
export async function enterRoom(text: string, onChange: () => void): Promise<RoomClient | null> {
  const { deriveRoomKeys, parseRoomLink } = await import('@peercompute/rooms')
  const link = parseRoomLink(text)
  const { tag } = await deriveRoomKeys(link.secret)
  const unlock = await lockRoom(tag)
  if (unlock === null) return null
  try {
    return await enter(link, tag, unlock, onChange)
  } catch (error) {
    unlock()
    throw error
  }
}

/** One tab of a browser profile: two would write one feed. Held until the function returned is called, or the tab is gone. */
async function lockRoom(tag: string): Promise<(() => void) | null> {
  if (!('locks' in navigator)) return () => undefined
  const { promise, resolve } = Promise.withResolvers<undefined>()
  return new Promise((settle) => {
    void navigator.locks.request(`peercompute-room-${tag}`, { ifAvailable: true }, (lock) => {
      settle(
        lock === null
          ? null
          : () => {
              resolve(undefined)
            }
      )
      return lock === null ? undefined : promise
    })
  })
}

async function enter(
  link: Parameters<(typeof import('@peercompute/rooms'))['joinRoom']>[0]['link'],
  tag: string,
  unlock: () => void,
  onChange: () => void
): Promise<RoomClient> {
  const [{ joinRoom, startRoomNode }, volunteer] = await Promise.all([
    import('@peercompute/rooms'),
    import('@peercompute/worker-client/browser')
  ])
  const database = `peercompute-room-${tag.slice(0, 16)}`
  const identity = await volunteer.loadOrCreateIdentity(volunteer.createIdbIdentityStore(), {
    label: '',
    now: Date.now(),
    extractableHost: false
  })
  const roomNode = await startRoomNode({ via: link.via })
  let room: RoomSession
  try {
    room = await joinRoom({
      link,
      identity,
      node: roomNode.node,
      stores: () => ({ ledger: volunteer.createIdbLedgerStore(database), outbox: volunteer.createIdbOutboxStore(database) }),
      blobs: libraryBlob
    })
  } catch (error) {
    await roomNode.stop()
    throw error
  }
  let executors: Awaited<ReturnType<typeof volunteer.browserComputeWorkers>> | null = null
  let starting = false
  room.onChange(onChange)

  return {
    picture: () => pictureOf(room, starting),
    async lend() {
      if (room.kernel !== null) {
        room.kernel.resume()
        return
      }
      if (starting) return
      starting = true
      onChange()
      try {
        executors = await volunteer.browserComputeWorkers({
          sandboxUrl: new URL('/sandbox.html', location.origin).href,
          document,
          gpu: (navigator as Navigator & { readonly gpu?: GPU }).gpu,
          slots: Math.max(1, Math.floor(navigator.hardwareConcurrency / 2))
        })
        const { workers, failures } = executors
        if (workers.length === 0) throw new PeerComputeError('INTERNAL', 'No executor starts in this browser', { cause: failures[0] })
        const kernel = await room.lend({ workers, agent: 'peercompute/0.1.0 browser', memoryBytes: 0 })
        volunteer.governPage(window, kernel, readPreferences, volunteer.systemClock)
      } finally {
        starting = false
        onChange()
      }
    },
    rest: () => room.kernel?.pause(),
    async publishSample() {
      return room.publish(specFor(nQueens, { params: { n: 12 }, verification: { quorum: 2, independence: 'host' } }, LIBRARY['n-queens']))
    },
    async leave() {
      await room.leave()
      await Promise.all((executors?.workers ?? []).map((worker) => worker.stop()))
      executors?.close()
      await roomNode.stop()
      unlock()
    }
  }
}

/** Programs of the library lie on every coordinator. Asking for one tells it nothing about the room. */
async function libraryBlob(ref: BlobRef): Promise<Bytes | null> {
  const known = Object.values(LIBRARY).flatMap(({ wgsl, js, wasm, inputs }) => [wgsl, js, wasm, ...Object.values(inputs)])
  if (!known.some(({ sha256 }) => sha256 === ref.sha256)) return null
  return new Uint8Array(await (await send(blobPath(ref.sha256))).arrayBuffer())
}

function pictureOf(room: RoomSession, starting: boolean): RoomPicture {
  const leader = room.leader()
  const states = [...room.relays().values()]
  const { kernel } = room
  const snapshot = kernel?.snapshot()
  return {
    name: room.name,
    members: room.members().map((member) => memberView(member, leader)),
    relay: states.includes('forwarded')
      ? 'forwarded'
      : states.some((state) => state === 'client-full' || state === 'relay-full')
        ? 'refused'
        : 'connecting',
    jobs: room.jobs().map(({ id, spec, state, settled, verified, reduced }) => ({
      id,
      title: spec.title,
      state,
      unitCount: spec.unitCount,
      settled,
      verified,
      leastResults: leastResults(spec.verification),
      reduced,
      view: spec.view
    })),
    lending: snapshot === undefined ? (starting ? 'starting' : 'no') : snapshot.state === 'suspended' ? 'paused' : 'yes',
    accepted: snapshot?.unitsAccepted ?? 0
  }
}

function memberView({ peer, host, label, self, term }: Member, leader: Member | null) {
  return { peer, host, label, self, leads: term > 0 && leader?.peer === peer }
}
