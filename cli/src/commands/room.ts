/** `peercompute room`: a private pool by link. Nothing of it is known to a coordinator; a relay carries what it cannot read. */
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { PeerComputeError, shortId, type JobId } from '@peercompute/job-specs'
import type { RoomJob, RoomLink, RoomSession } from '@peercompute/rooms'
import { coordinatorOf, json, ndjson, type Context, type RemoteOptions, type SharedOptions } from '../context.ts'
import { count, percent } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { reducedText } from '../output/reduced.ts'
import { userFolder } from '../user/folder.ts'
import { interrupted } from './serve.ts'

export interface RoomCreateOptions extends RemoteOptions {
  readonly name?: string
  readonly relay?: string[]
  readonly page?: string
}

export interface RoomJoinOptions extends SharedOptions {
  readonly data?: string
  readonly label?: string
  readonly lend?: true
  readonly threads?: number
  readonly submit?: string
  readonly timeout?: number
}

/** Makes a link. There is no room yet: it is there as long as somebody is in it. */
export async function createRoom(context: Context, options: RoomCreateOptions): Promise<void> {
  const { terminal } = context
  const { createRoomLink, parseRoomLink } = await import('@peercompute/rooms')
  const { via, page } = await relaysFor(context, options)
  const link = createRoomLink({ page: options.page ?? page, name: options.name ?? '', via })
  if (options.json) {
    const { name, via: relays } = parseRoomLink(link)
    await terminal.data(json({ link, name, via: relays }))
    return
  }
  if (terminal.isTerminal) {
    const { renderUnicodeCompact } = await import('uqr')
    terminal.talk(renderUnicodeCompact(link, { border: 2 }))
  }
  await terminal.data(`${link}\n`)
  terminal.talk('Whoever has this link is a member: reads, publishes and computes. Join with: peercompute room join LINK --lend')
}

async function relaysFor(context: Context, options: RoomCreateOptions): Promise<{ via: readonly string[]; page: string }> {
  if (options.relay !== undefined) return { via: options.relay, page: '' }
  const { url, api } = await coordinatorOf(context, options)
  const { addresses, relays } = await api.info()
  return { via: [...addresses, ...relays].slice(0, 8), page: `${url}/` }
}

/** The room in one line. */
export function roomLine(room: Pick<RoomSession, 'members' | 'leader' | 'jobs' | 'relays' | 'kernel'>): string {
  const leader = room.leader()
  const refusal = [...room.relays().values()].find((state) => state !== 'forwarded')
  const who =
    leader === null || leader.term === 0 ? 'nobody leads yet' : leader.self ? 'this machine leads' : `${leader.peer.slice(-8)} leads`
  const running = room.jobs().find(({ state }) => state === 'running' || state === 'waiting')
  const job = running === undefined ? '' : ` · ${jobLine(running)}`
  const lent = room.kernel === null ? '' : ` · ${count(room.kernel.snapshot().unitsAccepted)} units computed here`
  const relay = refusal === undefined ? '' : ` · a relay does not forward: ${refusal}`
  return `${count(room.members().length)} in the room, ${who}${job}${lent}${relay}`
}

function jobLine({ spec, state, settled, verified }: RoomJob): string {
  return `${printable(spec.title)}: ${state}, ${percent(settled, spec.unitCount)} settled, ${count(verified)} of ${count(spec.unitCount)} units checked here`
}

export async function joinRoomByLink(context: Context, text: string | undefined, options: RoomJoinOptions): Promise<void> {
  const { terminal, signal, env } = context
  const { deriveRoomKeys, parseRoomLink } = await import('@peercompute/rooms')
  // other users of a machine can read its command lines, not its environment
  const link = parseRoomLink(text ?? env.PEERCOMPUTE_ROOM ?? '')
  const { tag } = await deriveRoomKeys(link.secret)
  const { lockFolder } = await import('@peercompute/worker-client/node')
  const folder = join(options.data ?? userFolder(env), 'rooms', tag)
  const undo: (() => unknown)[] = [await lockFolder(folder)]
  try {
    const room = await enter(link, folder, context, options, undo)
    if (!options.json) terminal.talk(`In the room${link.name === '' ? '' : ` "${printable(link.name)}"`}. Leave with Ctrl-C.`)
    undo.push(room.onChange(shower(context, room, options)))
    if (options.lend) await lend(room, options, undo)
    if (options.submit === undefined) await interrupted(signal)
    else await submit(context, room, options.submit, options)
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

async function enter(
  link: RoomLink,
  folder: string,
  { env }: Context,
  options: RoomJoinOptions,
  undo: (() => unknown)[]
): Promise<RoomSession> {
  const [
    { joinRoom, startRoomNode },
    { createFolderLedgerStore, createFolderOutboxStore, loadOrCreateIdentity },
    { identityStore, newIdentityOptions }
  ] = await Promise.all([import('@peercompute/rooms'), import('@peercompute/worker-client/node'), import('../user/identity.ts')])
  const identity = await loadOrCreateIdentity(identityStore(env, options.data), newIdentityOptions(options.label))
  const roomNode = await startRoomNode({ via: link.via })
  undo.push(() => roomNode.stop())
  const room = await joinRoom({
    link,
    identity,
    node: roomNode.node,
    stores: () => ({ ledger: createFolderLedgerStore(join(folder, 'ledger')), outbox: createFolderOutboxStore(join(folder, 'outbox')) })
  })
  undo.push(() => room.leave())
  return room
}

async function lend(room: RoomSession, { threads }: RoomJoinOptions, undo: (() => unknown)[]): Promise<void> {
  const { nodeComputeWorkers, openCage, SlotBudget } = await import('@peercompute/worker-client/node')
  const opened = await openCage()
  const cage = opened.kind === null ? null : opened
  const slots = new SlotBudget(threads ?? availableParallelism())
  const { workers, failures } = await nodeComputeWorkers({ gpu: null, slots, cage })
  // after the room was left
  undo.unshift(async () => {
    await Promise.all(workers.map((worker) => worker.stop()))
    await cage?.close()
  })
  if (workers.length === 0) throw new PeerComputeError('INTERNAL', 'No executor starts on this machine', { cause: failures[0] })
  await room.lend({ workers, agent: `peercompute/0.1.0 node/${process.versions.node}`, memoryBytes: totalmem() })
}

/** Says what changed: a live line on a terminal, else a line each time. */
function shower({ terminal }: Context, room: RoomSession, options: RoomJoinOptions): () => void {
  let shown = ''
  return () => {
    const line = roomLine(room)
    if (line === shown) return
    shown = line
    if (options.json) void terminal.data(ndjson(view(room)))
    else if (terminal.isTerminal) terminal.live(line.slice(0, terminal.columns - 1))
    else terminal.talk(line)
  }
}

function view(room: RoomSession) {
  const leader = room.leader()
  return {
    self: room.self,
    members: room.members().map(({ peer, host, label, term, self }) => ({ peer, host, label, term, self })),
    leader: leader === null || leader.term === 0 ? null : { peer: leader.peer, term: leader.term },
    relays: Object.fromEntries(room.relays()),
    jobs: room.jobs().map(({ id, spec, state, settled, verified, reduced }) => ({
      id,
      name: spec.name,
      unitCount: spec.unitCount,
      state,
      settled,
      verified,
      reduced
    }))
  }
}

/** Publishes and stays until the job has ended, and all of it is checked here. */
async function submit(context: Context, room: RoomSession, target: string, options: RoomJoinOptions): Promise<void> {
  const { loadJob } = await import('../job/load-job.ts')
  const { spec, blobs } = await loadJob(target)
  const id = await room.publish(spec, blobs)
  if (!options.json) context.terminal.talk(`Published ${spec.name} as ${shortId(id)} to the room: ${count(spec.unitCount)} units`)
  const job = await ended(context, room, id, options.timeout)
  if (options.json) await context.terminal.data(ndjson(view(room)))
  else context.terminal.talk(`${job.state}: ${reducedText(job.reduced)}`)
  if (job.state !== 'completed')
    throw new PeerComputeError('JOB_FAILED', `Job ${shortId(id)} is ${job.state}: ${job.settled} of ${spec.unitCount} units are settled`)
}

function ended({ signal }: Context, room: RoomSession, id: JobId, timeout: number | undefined): Promise<RoomJob> {
  const over = timeout === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeout * 1_000)])
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const job = room.jobs().find((one) => one.id === id)
      if (job === undefined || job.state === 'running' || job.state === 'waiting') return
      if (job.state === 'completed' && job.verified < job.spec.unitCount) return
      finish()
      resolve(job)
    }
    const giveUp = (): void => {
      finish()
      reject(
        signal.aborted
          ? new DOMException('Interrupted', 'AbortError')
          : new PeerComputeError('TIMEOUT', `Job ${shortId(id)} has not ended after ${timeout ?? 0} s`)
      )
    }
    const unsubscribe = room.onChange(look)
    const finish = (): void => {
      unsubscribe()
      over.removeEventListener('abort', giveUp)
    }
    over.addEventListener('abort', giveUp, { once: true })
    if (over.aborted) giveUp()
    else look()
  })
}
