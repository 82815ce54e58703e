/** Rooms with real parts: a relay that is no coordinator, members with their own nodes and threads, the kernels of the library. */
import { QUEENS_SOLUTIONS, specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { memoryLedgerStore } from '@peercompute/ledger'
import { addressesOf, createTestNetwork } from '@peercompute/p2p/testing/network'
import { until } from '@peercompute/p2p/testing'
import { createIdentity, createMemoryOutboxStore } from '@peercompute/worker-client'
import { nodeCpuWorker } from '@peercompute/worker-client/node'
import { toHex, utf8 } from '@peercompute/job-specs'
import { ROOM_DATA_PROTOCOL, ROOM_LEDGER_PROTOCOL, ROOM_WORK_PROTOCOL, WORK_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { dialCircuit, followTopic, openChannel, publishTo, sealChannel, type PeerNode } from '@peercompute/p2p'
import { afterEach, describe, expect, it } from 'vitest'
import { joinRoom, type RoomSession } from '../src/join-room.ts'
import { deriveRoomKeys } from '../src/room-keys.ts'
import { createRoomLink, parseRoomLink, type RoomLink } from '../src/link.ts'
import { startRoomNode, type RoomNode } from '../src/room-node.ts'

const network = createTestNetwork()
afterEach(() => network.stop(), 30_000)

interface TestMember {
  readonly room: RoomSession
  readonly roomNode: RoomNode
}

async function join(link: RoomLink, faults: unknown[] = []): Promise<TestMember> {
  const roomNode = await startRoomNode({ via: link.via, webRtc: false })
  network.after(() => roomNode.stop())
  const identity = await createIdentity({ label: '', now: Date.now(), extractableHost: false })
  const room = await joinRoom({
    link,
    identity,
    node: roomNode.node,
    stores: () => ({ ledger: memoryLedgerStore(), outbox: createMemoryOutboxStore() }),
    onFault: (error) => faults.push(error)
  })
  network.after(() => room.leave())
  return { room, roomNode }
}

async function lend({ room }: TestMember): Promise<void> {
  const worker = await nodeCpuWorker({ kind: 'wasm', slots: 1, cage: null })
  network.after(() => worker.stop())
  await room.lend({ workers: [worker], agent: 'test', memoryBytes: 0 })
}

async function newRoom(): Promise<RoomLink> {
  const relay = await network.relay()
  return parseRoomLink(createRoomLink({ via: addressesOf(relay) }))
}

function agreed(members: readonly TestMember[]): string | null {
  const [first, ...others] = members.map(({ room }) => {
    const leader = room.leader()
    return leader !== null && leader.term > 0 ? leader.peer : null
  })
  return first !== undefined && others.every((peer) => peer === first) ? first : null
}

async function queens(n: number) {
  const kernel = await loadKernel('n-queens')
  const verification = { quorum: 2, independence: 'host' as const }
  return { spec: specFor(kernel.manifest, { params: { n }, verification }, kernel.programs), blobs: kernel.blobs }
}

describe('a room without a coordinator', () => {
  it('elects one member, computes with a quorum of two hosts, and goes on when the leader is killed', { timeout: 120_000 }, async () => {
    const faults: unknown[] = []
    const link = await newRoom()
    const members = [await join(link, faults), await join(link, faults), await join(link, faults)]
    await until(() => members.every(({ room }) => room.members().length === 3), 'everybody sees everybody', 30_000)
    await until(() => agreed(members) !== null, 'all members name one leader', 30_000)
    await Promise.all(members.map(lend))

    const { spec, blobs } = await queens(15)
    const leading = members.find(({ room }) => room.self === agreed(members))
    const staying = members.filter((member) => member !== leading)
    const [author, other] = staying
    if (leading === undefined || author === undefined || other === undefined) throw new Error('no leader')
    const job = await author.room.publish(spec, blobs)
    const seen = (member: TestMember) => member.room.jobs().find(({ id }) => id === job)
    await until(() => (seen(author)?.verified ?? 0) > 0, 'a first unit is settled and checked', 60_000)
    expect(seen(author)?.state).toBe('running')

    await leading.roomNode.stop()
    await until(() => agreed(staying) !== null && agreed(staying) !== leading.room.self, 'another leads', 60_000)
    await until(() => staying.every((member) => seen(member)?.state === 'completed'), 'the job completes', 60_000)
    await until(() => staying.every((member) => seen(member)?.verified === spec.unitCount), 'both have checked all of it', 30_000)
    expect(seen(other)?.reduced).toEqual({ kind: 'sum', sum: String(QUEENS_SOLUTIONS.get(15)) })
    expect(faults).toEqual([])
  })

  it('shows an outsider nothing but ciphertext and streams that end', { timeout: 60_000 }, async () => {
    const link = await newRoom()
    const [one, other] = [await join(link), await join(link)]
    const outsider = await startRoomNode({ via: link.via, webRtc: false })
    network.after(() => outsider.stop())
    const keys = await deriveRoomKeys(link.secret)
    const overheard: Uint8Array[] = []
    for (const topic of [keys.ledgerTopic, keys.presenceTopic])
      followTopic(outsider.node, topic, (data) => {
        overheard.push(data)
        return 'accept'
      })
    await until(() => agreed([one, other]) !== null, 'somebody leads', 30_000)
    const { spec, blobs } = await queens(5)
    const job = await one.room.publish(spec, blobs)
    await until(() => other.room.jobs().some(({ id, state }) => id === job && state === 'running'), 'the job is admitted', 30_000)

    const words = [spec.title, spec.name, job, one.room.self, one.room.members()[0]?.host ?? '', keys.tag, 'beat', 'update']
    await until(() => overheard.length > 3, 'the outsider hears something')
    for (const data of overheard)
      for (const word of words) {
        expect(toHex(data)).not.toContain(toHex(utf8(word)))
        expect(Buffer.from(data).toString('latin1')).not.toContain(word)
      }

    const wrong = await deriveRoomKeys(new Uint8Array(32))
    for (const protocol of [ROOM_LEDGER_PROTOCOL, ROOM_WORK_PROTOCOL, ROOM_DATA_PROTOCOL])
      for (const { room } of [one, other]) {
        expect(await answers(outsider.node, room.self, link, protocol, wrong.seal), `${protocol} with another key`).toBe(0)
        expect(await answers(outsider.node, room.self, link, protocol, null), `${protocol} without a key`).toBe(0)
      }
    expect(one.room.members()).toHaveLength(2)
  })

  it('is not brought back to life by recorded messages', { timeout: 60_000 }, async () => {
    const link = await newRoom()
    const [one, other] = [await join(link), await join(link)]
    const outsider = await startRoomNode({ via: link.via, webRtc: false })
    network.after(() => outsider.stop())
    const { presenceTopic } = await deriveRoomKeys(link.secret)
    const recorded: Uint8Array[] = []
    followTopic(outsider.node, presenceTopic, (data) => {
      recorded.push(data.slice())
      return 'accept'
    })
    await until(() => one.room.members().length === 2 && recorded.length > 6, 'both are heard, and recorded', 30_000)
    await other.room.leave()
    await until(() => one.room.members().length === 1, 'the goodbye is heard')
    for (const data of recorded) await publishTo(outsider.node, presenceTopic, data)
    let beats = 0
    network.after(one.room.onChange(() => beats++))
    await until(() => beats > 2, 'time passes')
    expect(one.room.members()).toHaveLength(1)
  })

  it('has one leader again after a partition has healed, and what was published on either side is taken', { timeout: 90_000 }, async () => {
    const relays = [await network.relay(), await network.relay()].map((relay) => addressesOf(relay))
    const both = parseRoomLink(createRoomLink({ via: relays.flat() }))
    const left = await join({ ...both, via: relays[0] ?? [] })
    const right = await join({ ...both, via: relays[1] ?? [] })
    const leads = ({ room }: TestMember) => room.leader()?.self === true && (room.leader()?.term ?? 0) > 0
    await until(() => leads(left) && leads(right), 'each leads its side', 30_000)
    const { spec, blobs } = await queens(6)
    const jobs = [await left.room.publish(spec, blobs), await right.room.publish({ ...spec, revision: 2 }, blobs)]

    const between = await join(both)
    const all = [left, right, between]
    await until(() => all.every(({ room }) => room.members().length === 3), 'everybody sees everybody', 30_000)
    await until(() => agreed(all) !== null && all.filter(leads).length === 1, 'one of them leads', 30_000)
    const settledOn = (member: TestMember) => jobs.every((id) => member.room.jobs().some((job) => job.id === id && job.state === 'running'))
    await until(() => all.every(settledOn), 'both jobs are admitted everywhere', 30_000)
  })
})

/** Frames that come back from a member. */
async function answers(node: PeerNode, peer: string, link: RoomLink, protocol: string, key: CryptoKey | null): Promise<number> {
  const signal = AbortSignal.timeout(20_000)
  await dialCircuit(node, peer, link.via, signal)
  const raw = await openChannel(node, peer, protocol, { limit: WORK_FRAME_MAX_BYTES, signal })
  let frames = 0
  const reading = (async () => {
    const reader = raw.frames[Symbol.asyncIterator]()
    while ((await reader.next()).done !== true) frames += 1
  })().catch(() => undefined)
  const channel = key === null ? raw : sealChannel(raw, { key, context: 'anything', self: node.peerId.toString(), opener: 'us' })
  await channel.send({ type: 'heads', feeds: [] }).catch(() => undefined)
  await reading
  return frames
}
