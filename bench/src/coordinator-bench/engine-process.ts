/** Core, group commit and store without a network, in a process of their own. Hosts take and report side by side, as over a network. */
import { hash } from 'node:crypto'
import { certifyHost, generateKeyPair, type ContentHash, type JobId, type Lease, type Report } from '@peercompute/job-specs'
import {
  createCoordinator,
  openSqliteStore,
  rowBytes,
  type ConnectedHost,
  type Coordinator,
  type SqliteStore
} from '@peercompute/relay-coordinator'
import { loopbackAddress } from '@peercompute/tests/load'
import { answerCommands } from '@peercompute/tests/child'
import { signedLoadJob, type JobAccount } from './load-job.ts'
import { accountOf } from './job-account.ts'

const NUMERIC_CLASS = 'bench'
const VALUE_BYTES = 4
/** Of the right form; who calls the coordinator itself has checked it. */
const SIGNATURE = 'A'.repeat(86)

let coordinator: Coordinator | undefined
let store: SqliteStore | undefined
let hosts: readonly ConnectedHost[] = []

function running(): Coordinator {
  if (coordinator === undefined) throw new Error('the coordinator is not started')
  return coordinator
}

const commands = {
  async start({ database, hostCount }: { database: string; hostCount: number }) {
    const opened = openSqliteStore(database)
    store = opened
    const engine = createCoordinator({
      store: opened,
      now: () => Date.now(),
      random: Math.random,
      hasBlob: () => Promise.resolve(true)
    })
    coordinator = engine
    hosts = await Promise.all(Array.from({ length: hostCount }, (_, index) => createHost(index)))
    await Promise.all(hosts.map((host) => engine.hostConnected(host)))
  },
  /** Publishes a job of `queued` units and has `work` of them settled, `unitsPerContact` in each contact of a host. */
  async settle({ queued, work, unitsPerContact }: { queued: number; work: number; unitsPerContact: number }) {
    const engine = running()
    const signed = await signedLoadJob(queued)
    const before = process.cpuUsage()
    const from = performance.now()
    const { id } = await engine.submit(signed, false)
    const settled = (): number => engine.job(id).units.validated
    let atWork = true
    await Promise.all(
      hosts.map(async (host) => {
        let held: readonly Lease[] = []
        while (atWork) {
          const reported = held.map((lease) => engine.report(...reportOf(host, lease)))
          const asked = engine.ask(host.host, { executor: 'js', units: unitsPerContact, seconds: 0 })
          const [{ leases }] = await Promise.all([asked, ...reported])
          held = leases
          if (settled() >= work) atWork = false
          else if (leases.length === 0) await new Promise((resolve) => setImmediate(resolve))
        }
      })
    )
    const elapsedMs = performance.now() - from
    const { user, system } = process.cpuUsage(before)
    return { job: id, elapsedMs, cpuMs: (user + system) / 1_000, settled: settled() }
  },
  /** Publishes a job of so many units. `bytes`: what the store's rows have grown by. */
  async submit(unitCount: number) {
    if (store === undefined) throw new Error('the coordinator is not started')
    const signed = await signedLoadJob(unitCount)
    const before = rowBytes(store.database)
    const from = performance.now()
    const { created } = await running().submit(signed, false)
    const ms = performance.now() - from
    if (!created) throw new Error('the job was known')
    return { ms, bytes: rowBytes(store.database) - before }
  },
  async cancel(job: JobId) {
    await running().cancel(job)
  },
  account: (job: JobId): Promise<JobAccount> => accountOf(running(), job),
  credit: () => [...running().credit().values()].reduce((sum, value) => sum + value, 0),
  stop: async () => {
    await coordinator?.close()
  }
}
export type EngineCommands = typeof commands

async function createHost(index: number): Promise<ConnectedHost> {
  const [account, keys] = await Promise.all([generateKeyPair({ extractable: false }), generateKeyPair({ extractable: false })])
  const certificate = await certifyHost(account, keys.publicKey, '', 0)
  return {
    host: certificate.host,
    account: certificate.account,
    label: '',
    subnet: loopbackAddress(index).replace(/\.1$/, '.0/24'),
    certificate,
    description: {
      agent: 'bench',
      memoryBytes: 0,
      executors: [
        { kind: 'js', slots: 1, numericClass: NUMERIC_CLASS, probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }
      ]
    }
  }
}

function reportOf({ host }: ConnectedHost, { job, epoch, executor, start, count }: Lease): [Report, Uint8Array] {
  const values = Buffer.alloc(VALUE_BYTES * count)
  const units: Report['units'] = []
  for (let offset = 0; offset < count; offset++) {
    values.writeUInt32LE((start + offset) % 2 ** 32, offset * VALUE_BYTES)
    const value = values.subarray(offset * VALUE_BYTES, (offset + 1) * VALUE_BYTES)
    units.push({
      outcome: 'success',
      unit: start + offset,
      digest: hash('sha256', value, 'hex') as ContentHash,
      bytes: VALUE_BYTES,
      computeMs: 1
    })
  }
  return [{ v: 1, job, epoch, host, executor, numericClass: NUMERIC_CLASS, probeVersion: 1, ts: 0, units, sig: SIGNATURE }, values]
}

answerCommands(commands)
