/**
 * Connections that flood the work protocol, in a process of its own. Options as JSON in the first argument. Says when all are
 * connected, begins when told so by a line on stdin, and says each second what became of it. Each connection that is cut comes
 * back with a new key, as often as it is let in.
 */
import { createIdentity, type Identity } from '@peercompute/worker-client/node'
import { coordinatorMessageSchema, signHello, WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { openLightConnection, type LightConnection } from '@peercompute/p2p/testing/network'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { helloOf } from './fuzz-http.ts'

const optionsSchema = z.object({ address: z.string(), connections: z.int(), perSecond: z.int() })
const { address, connections, perSecond } = optionsSchema.parse(JSON.parse(process.argv[2] ?? ''))

const DIAL_MS = 15_000
const TICK_MS = 50
const JOB = 'a'.repeat(64)
const go = Promise.withResolvers<number>()
const told = { connected: 0, sent: 0, cut: 0, firstLifeMs: [] as number[], returned: 0 }

function say(): void {
  process.stdout.write(`${JSON.stringify(told)}\n`)
}

async function open(): Promise<LightConnection> {
  return openLightConnection(address, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, signal: AbortSignal.timeout(DIAL_MS) })
}

async function introduce({ channel }: LightConnection, { certificate, host }: Identity): Promise<void> {
  await channel.send(helloOf(certificate, {}))
  for await (const { message } of channel.frames) {
    const said = coordinatorMessageSchema.parse(message)
    if (said.type === 'welcome') return
    if (said.type !== 'challenge') throw new Error(`answered with ${said.type}`)
    await channel.send(
      helloOf(certificate, { proof: { challenge: said.challenge, sig: await signHello(host, said.certificate.root, said.challenge) } })
    )
  }
}

/** What costs the coordinator something and brings nobody anything. */
function nonsense(kind: number, identity: Identity, id: number): object {
  if (kind === 0) return helloOf(identity.certificate, {})
  if (kind === 1) return { type: 'release', id, job: JOB, epoch: 1 }
  if (kind === 2) return { type: 'renew', id, leases: [{ job: JOB, epoch: 1 }] }
  return { type: 'ask', id, executor: 'wasm', units: 1, seconds: 0, knownJobs: [] }
}

/** Until it is cut. */
async function flood({ channel }: LightConnection, kind: number, identity: Identity): Promise<void> {
  const over = (async () => {
    for await (const _frame of channel.frames) continue
  })().catch(() => undefined)
  const ended = { yes: false }
  void over.then(() => (ended.yes = true))
  for (let id = 0; !ended.yes;) {
    for (let burst = 0; burst < (perSecond * TICK_MS) / 1_000; burst++) {
      id += 1
      told.sent += 1
      channel.send(nonsense(kind, identity, id)).catch(() => (ended.yes = true))
    }
    await pause(TICK_MS)
  }
}

/** Until go is said, as many as this at a time: a handshake that takes too long is for nothing, and a crowd of them takes all the time. */
const OPENING_AT_ONCE = 4
const calm: Promise<unknown>[] = Array.from({ length: OPENING_AT_ONCE }, () => Promise.resolve())

async function inTurn<T>(lane: number, task: () => Promise<T>): Promise<T> {
  const turn = (calm[lane] ?? Promise.resolve()).then(task)
  calm[lane] = turn.catch(() => undefined)
  return turn
}

async function enter(kind: number, identity: Identity): Promise<LightConnection> {
  const connection = await open()
  try {
    if (kind > 0) await introduce(connection, identity)
    return connection
  } catch (error) {
    await connection.stop().catch(() => undefined)
    throw error
  }
}

async function flooder(index: number): Promise<void> {
  const kind = index % 4
  const identity = await createIdentity({ label: '', now: Date.now(), extractableHost: true })
  for (let life = 0; ;) {
    try {
      const come = () => enter(kind, identity)
      const connection = await (life === 0 ? inTurn(index % OPENING_AT_ONCE, come) : come())
      if (life === 0 && ++told.connected === connections) say()
      if (life > 0) told.returned += 1
      life += 1
      const first = life === 1
      const began = await go.promise
      await flood(connection, kind, identity)
      told.cut += 1
      if (first) told.firstLifeMs.push(Date.now() - began)
      await connection.stop().catch(() => undefined)
    } catch {
      await pause(1_000)
    }
  }
}

createInterface({ input: process.stdin })
  .on('line', () => {
    go.resolve(Date.now())
    setInterval(say, 1_000)
  })
  // whoever started it is gone
  .on('close', () => process.exit(0))
for (let index = 0; index < connections; index++) void flooder(index)
