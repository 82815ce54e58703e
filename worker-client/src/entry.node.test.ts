import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, type ExecutorKind } from '@peercompute/job-specs'
import { WORK_FRAME_MAX_BYTES, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import { loadKernel } from '@peercompute/kernels/files'
import { specFor } from '@peercompute/kernels'
import { generatePeerKey, handleChannel, PeerComputeProvider } from '@peercompute/p2p'
import { createRelayNode } from '@peercompute/p2p/relay'
import { createLedger, memoryLedgerStore } from '@peercompute/ledger'
import { until } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVolunteer, type NodeVolunteer } from './entry.node.ts'
import { startHttpCoordinator, type HttpCoordinator } from './test-support/http-coordinator.ts'
import { createTestCoordinator, type TestCoordinator } from './test-support/test-coordinator.ts'
import { TEST_BLOBS, testJob, testSpec, testValue, type TestJob } from './test-support/test-job.ts'

let folder: string
let coordinator: TestCoordinator
let http: HttpCoordinator
let queens: TestJob
let cleanUp: (() => unknown)[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peercompute-volunteer-'))
  const { manifest, programs, blobs } = await loadKernel('n-queens')
  coordinator = await createTestCoordinator()
  http = await startHttpCoordinator(coordinator, new Map([...TEST_BLOBS, ...blobs]))
  const spec = specFor(manifest, { params: { n: 8 }, verification: { quorum: 2, independence: 'host' } }, programs)
  queens = await testJob(await generateKeyPair({ extractable: true }), spec)
  cleanUp = [() => http[Symbol.asyncDispose](), () => rm(folder, { recursive: true, force: true })]
})
afterEach(async () => {
  for (const task of cleanUp.toReversed()) await task()
})

async function volunteer(peers: boolean): Promise<NodeVolunteer> {
  const kernel = await createNodeVolunteer({ coordinator: http.url, folder, slots: 1, gpu: false, peers })
  cleanUp.push(() => kernel.stop())
  return kernel
}

/** Sum of the queens of all units: what the coordinator was told. */
function solutions(): number {
  return [...coordinator.values.values()].reduce((sum, value) => sum + new DataView(value.buffer, value.byteOffset).getUint32(0, true), 0)
}

describe('createNodeVolunteer', () => {
  it.each<ExecutorKind>(['js', 'wasm'])('computes the eight queens with its %s executor over HTTP', async (executor) => {
    await coordinator.offer(queens, [
      { start: 0, count: 40, executor },
      { start: 40, count: 24, executor }
    ])
    const kernel = await volunteer(false)
    kernel.start()
    await until(() => coordinator.results.size === 64)
    expect([...coordinator.results.values()].filter(({ outcome }) => outcome === 'failure')).toEqual([])
    expect(solutions()).toBe(92)
    await kernel.finish()
    expect(kernel.snapshot()).toMatchObject({ state: 'stopped', unitsAccepted: 64, reportsWaiting: 0 })
    expect(await readdir(join(folder, 'outbox'))).toEqual([])
  })

  it('computes over a real libp2p relay, and shares its ledger there', async () => {
    const relay = await createRelayNode({ peerKey: await generatePeerKey(), announce: [] })
    cleanUp.push(() => relay.stop())
    await handleChannel(relay, WORK_PROTOCOL, { limit: WORK_FRAME_MAX_BYTES, maxInboundStreams: 4 }, async (channel) => {
      for await (const frame of channel.frames) {
        const answer = await coordinator.reply(frame)
        if (answer !== null) await channel.send(answer)
      }
    })
    const ledger = createLedger({ now: () => Date.now(), store: memoryLedgerStore() })
    const provider = await PeerComputeProvider.start(relay, ledger)
    cleanUp.push(() => provider.stop())
    http.info = { addresses: relay.getMultiaddrs().map(String), peerId: relay.peerId.toString() }
    await coordinator.offer(queens, [{ start: 0, count: 64 }])

    const kernel = await volunteer(true)
    kernel.start()
    await until(() => coordinator.results.size === 64)
    expect(solutions()).toBe(92)
    expect(kernel.snapshot().network).toMatchObject({ transport: 'libp2p', peers: [relay.peerId.toString()] })
    expect(http.requests).toEqual([])

    const job = await kernel.state.publish(testSpec())
    await until(() => ledger.heads().some(({ length }) => length === 2))
    expect(kernel.state.state()?.jobs.get(job)?.publishedBy).toBe(kernel.snapshot().account)
  })

  it('computes the kernel of a stranger in its cage', async () => {
    const stranger = await testJob(await generateKeyPair({ extractable: true }))
    await coordinator.offer(stranger, [{ start: 3, count: 2 }])
    const kernel = await volunteer(false)
    expect(kernel).toMatchObject({ cage: 'deno', notLent: [] })
    kernel.start()
    await until(() => coordinator.results.size === 2)
    expect([...coordinator.results.values()].map(({ outcome }) => outcome)).toEqual(['success', 'success'])
    // Two cores share the lease: either unit may be done first.
    expect(coordinator.values).toEqual(
      new Map([
        [3, testValue(3)],
        [4, testValue(4)]
      ])
    )
  })

  it('lets one program use a folder at a time', async () => {
    const kernel = await volunteer(false)
    await expect(volunteer(false)).rejects.toMatchObject({ code: 'DATA_FOLDER_LOCKED' })
    await kernel.stop()
    await volunteer(false)
  })
})
