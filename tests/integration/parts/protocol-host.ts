/** A host driven by hand: the real session of a volunteer, with the test deciding what is asked for and reported. */
import {
  coordinatorInfoSchema,
  sha256Hex,
  signReport,
  type ContentHash,
  type HostDescription,
  type JobId,
  type Lease,
  type ReasonCode,
  type Report
} from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { createClientNode, openChannel, superviseRelay, type ClientNode } from '@peercompute/p2p'
import {
  createHttpWorkChannel,
  createIdentity,
  openWorkSession,
  systemClock,
  type Identity,
  type WorkSession
} from '@peercompute/worker-client/node'
import { until } from '../../harness/index.ts'

const EXECUTOR = 'js'
const NUMERIC_CLASS = 'test'
const DESCRIPTION: HostDescription = {
  agent: 'test/by-hand',
  memoryBytes: 0,
  executors: [
    { kind: EXECUTOR, slots: 1, numericClass: NUMERIC_CLASS, probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }
  ]
}

export interface ProtocolHost {
  readonly identity: Identity
  readonly session: WorkSession
  /** What the coordinator said unasked. */
  readonly stops: readonly { readonly job: JobId; readonly why: ReasonCode }[]
  /** The first lease that it is given of up to `units` units. */
  lease(units: number): Promise<Lease>
  /** Signed by this host: `valueOf` gives each unit's bytes. */
  reportOf(lease: Lease, units: readonly number[], valueOf: (unit: number) => Uint8Array): Promise<{ report: Report; values: Uint8Array }>
  leave(): Promise<void>
}

export interface Peer {
  readonly node: ClientNode['node']
  readonly coordinatorPeer: string
  stop(): Promise<void>
}

/** A libp2p client of its own that is connected to the coordinator. */
export async function connectPeer(url: string): Promise<Peer> {
  const { peerId, addresses } = coordinatorInfoSchema.parse(await (await fetch(`${url}/api/v1/coordinator`)).json())
  const { node } = await createClientNode({ relays: addresses, webRtc: false })
  const supervisor = superviseRelay(node, addresses)
  await until('the connection to the relay', () => supervisor.state.kind === 'connected')
  return {
    node,
    coordinatorPeer: peerId,
    async stop() {
      supervisor.stop()
      await node.stop()
    }
  }
}

/** Introduces a host with a new identity. Over HTTP what is said unasked comes with the next answer. */
export async function joinByHand(url: string, transport: 'http' | 'libp2p'): Promise<ProtocolHost> {
  const identity = await createIdentity({ label: 'by hand', now: Date.now(), extractableHost: true })
  const { root } = coordinatorInfoSchema.parse(await (await fetch(`${url}/api/v1/coordinator`)).json())
  const peer = transport === 'libp2p' ? await connectPeer(url) : null
  const channel =
    peer === null
      ? createHttpWorkChannel({ coordinator: url, fetch: globalThis.fetch })
      : await openChannel(peer.node, peer.coordinatorPeer, WORK_PROTOCOL, {
          limit: WORK_FRAME_MAX_BYTES,
          signal: AbortSignal.timeout(10_000)
        })
  const stops: { job: JobId; why: ReasonCode }[] = []
  const session = await openWorkSession({
    channel,
    identity,
    host: DESCRIPTION,
    pinnedRoot: root,
    clock: systemClock,
    onStop: (job, why) => stops.push({ job, why }),
    onNudge: () => undefined
  })
  return {
    identity,
    session,
    stops,
    async lease(units) {
      const { leases } = await session.ask({ executor: EXECUTOR, units, seconds: 0, knownJobs: [] })
      const [lease] = leases
      if (lease === undefined) throw new Error('The coordinator has no work for this host')
      return lease
    },
    async reportOf({ job, epoch }, units, valueOf) {
      const values = units.map(valueOf)
      const report = await signReport(identity.host, {
        v: 1,
        job,
        epoch,
        host: identity.certificate.host,
        executor: EXECUTOR,
        numericClass: NUMERIC_CLASS,
        probeVersion: 1,
        ts: Date.now(),
        units: units.map((unit, index) => {
          const value = values[index] ?? new Uint8Array(0)
          return { outcome: 'success', unit, digest: sha256Hex(value) as ContentHash, bytes: value.length, computeMs: 1 }
        })
      })
      return { report, values: Buffer.concat(values) }
    },
    async leave() {
      await session.close()
      await peer?.stop()
    }
  }
}

/** One `u32`, as the n-queens kernel returns it. */
export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}

export function unitsOf({ start, count }: Lease): number[] {
  return Array.from({ length: count }, (_, index) => start + index)
}
