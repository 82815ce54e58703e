/**
 * A private pool: its own topic, key and ledger, for those who hold the link. Without a coordinator, the members elect one of them.
 *
 * @example
 * ```ts
 * const link = parseRoomLink(createRoomLink({ page: 'https://lab.example/', name: 'Our lab', via: info.addresses }))
 * const { node, stop } = await startRoomNode({ via: link.via })
 * const room = await joinRoom({ link, identity, node, stores: () => ({ ledger: memoryLedgerStore(), outbox: createMemoryOutboxStore() }) })
 * await room.lend({ workers, agent: 'peercompute/0.1.0 node/24', memoryBytes: 0 })
 * const job = await room.publish(spec, blobs)
 * room.onChange(() => show(room.members(), room.leader(), room.jobs()))
 * ```
 */
export { createRoomLink, parseRoomLink, ROOM_NAME_MAX, type NewRoom, type RoomLink } from './link.ts'
export { deriveRoomKeys, type RoomKeys } from './room-keys.ts'
export { electLeader, type Candidate } from './election.ts'
export { joinRoom, type JoinRoomOptions, type LendOptions, type RoomSession } from './join-room.ts'
export { startRoomNode, type RoomNode, type RoomNodeOptions } from './room-node.ts'
export type { Member } from './presence.ts'
export type { RoomJob } from './room-jobs.ts'
