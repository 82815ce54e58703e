/** A real coordinator in a process of its own, with pages of the benchmark in the place of the dashboard. */
import { certifyHost, generateKeyPair, sha256Hex, type ContentHash, type Report, type SignedSpec } from '@peercompute/job-specs'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { serve, type RunningServer } from '@peercompute/relay-coordinator'
import { answerCommands } from '@peercompute/tests/child'

/** The coordinator writes what was settled into its feed once in this time. */
const FLUSH_MS = 1_000
/** Of the right form; those who call the coordinator itself have checked it. */
const SIGNATURE = 'A'.repeat(86)

let server: RunningServer | undefined
let stepped: FakeClock | undefined

const commands = {
  async start({ dataDir, pages, clock }: { dataDir: string; pages: string; clock: 'real' | 'stepped' }) {
    if (clock === 'stepped') stepped = createFakeClock(Date.now())
    server = await serve({ dataDir, dashboardDir: pages, host: '127.0.0.1', port: 0, ...(stepped === undefined ? {} : { clock: stepped }) })
    return { url: server.url, root: server.root }
  },
  /** Takes a job and settles all its units, `unitsPerFlush` in each second of its clock, through the coordinator itself. */
  async compute({ signed, unitsPerFlush }: { signed: SignedSpec; unitsPerFlush: number }) {
    if (server === undefined || stepped === undefined) throw new Error('no coordinator with a stepped clock')
    const { coordinator } = server
    const { id } = await coordinator.submit(signed, false)
    const host = await newHost()
    await coordinator.hostConnected(host)
    for (;;) {
      const { leases } = await coordinator.ask(host.host, { executor: 'js', units: unitsPerFlush, seconds: 0 })
      if (leases.length === 0) break
      for (const { epoch, start, count, job } of leases) {
        const values = new Uint32Array(count).map((_, offset) => start + offset)
        const report: Report = {
          v: 1,
          job,
          epoch,
          host: host.host,
          executor: 'js',
          numericClass: 'bench',
          probeVersion: 1,
          ts: 0,
          units: [...values].map((unit, offset) => ({
            outcome: 'success',
            unit,
            digest: sha256Hex(new Uint8Array(values.buffer, 4 * offset, 4)) as ContentHash,
            bytes: 4,
            computeMs: 1
          })),
          sig: SIGNATURE
        }
        await coordinator.report(report, new Uint8Array(values.buffer))
      }
      const clock = stepped
      clock.advance(FLUSH_MS)
      await until(() => clock.pending().some((ms) => ms <= FLUSH_MS), 'the next flush is due')
    }
    await coordinator.hostDisconnected(host.host)
    return { settled: coordinator.job(id).units.validated }
  },
  stop: async () => {
    await server?.close()
  }
}
export type CoordinatorCommands = typeof commands

async function newHost(): Promise<Parameters<RunningServer['coordinator']['hostConnected']>[0]> {
  const [account, keys] = await Promise.all([generateKeyPair({ extractable: true }), generateKeyPair({ extractable: true })])
  const certificate = await certifyHost(account, keys.publicKey, '', 0)
  return {
    host: certificate.host,
    account: certificate.account,
    label: '',
    subnet: '127.0.0.0/24',
    certificate,
    description: {
      agent: 'bench',
      memoryBytes: 0,
      executors: [{ kind: 'js', slots: 1, numericClass: 'bench', probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }]
    }
  }
}

answerCommands(commands)
