/** A flood next to honest hosts, short or long. */
import { fileURLToPath } from 'node:url'
import { coordinatorInfoSchema } from '@peercompute/job-specs'
import { expect } from 'vitest'
import { z } from 'zod'
import { lasting } from '../../harness/lasting.ts'
import { startNode, startServer, until, type RunningProcess } from '../../harness/index.ts'
import { joinByHand, unitsOf, type ProtocolHost } from '../../integration/parts/protocol-host.ts'
import { ownJob, publish } from '../../integration/parts/publish.ts'

const CHILD = fileURLToPath(new URL('./flood-child.ts', import.meta.url))
const PER_PROCESS = 50
/** How often an honest host comes: each of them brings up to 20 units a second. */
const CONTACT_MS = 250
const UNITS = 5
/** After so many a job is open to everybody (relay-coordinator/src/core/trial.ts). */
const TRIAL_UNITS = 10
const toldSchema = z.object({ connected: z.int(), sent: z.int(), cut: z.int(), firstLifeMs: z.array(z.number()), returned: z.int() })

export interface Flood {
  /** Hosts that work meanwhile. */
  readonly honest: number
  readonly connections: number
  /** Messages a second, of all of them together. */
  readonly perSecond: number
  readonly seconds: number
  /** Every flooder that was there from the start is cut within this time. */
  readonly cutMs: number
  /** 99 of 100 answers to honest hosts come within this time. */
  readonly p99Ms: number
}

export async function withstand({ honest, connections, perSecond, seconds, cutMs, p99Ms }: Flood): Promise<void> {
  const server = await startServer()
  const children: RunningProcess[] = []
  const hosts: ProtocolHost[] = []
  try {
    const { addresses } = coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator'))
    const { id } = await publish(server.url, ownJob('flooded', { js: 'export default () => ({ y: [1] })' }, { unitCount: 1_000_000 }))
    hosts.push(...(await Promise.all(Array.from({ length: honest }, () => joinByHand(server.url, 'libp2p')))))
    const tried = await tryOut(hosts)
    const each = { address: addresses[0] ?? '', perSecond: Math.ceil(perSecond / connections) }
    for (let left = connections; left > 0; left -= PER_PROCESS) {
      const options = JSON.stringify({ ...each, connections: Math.min(PER_PROCESS, left) })
      children.push(startNode(CHILD, [options], {}, { stdin: true }))
    }
    const latest = (child: RunningProcess) => toldSchema.parse(JSON.parse(child.stdout().trim().split('\n').at(-1) ?? '{}'))
    await Promise.all(children.map((child) => child.line(/"connected"/, 240_000)))

    for (const child of children) child.child.stdin?.write('go\n')
    const began = performance.now()
    const contacts = await Promise.all(hosts.map((host) => work(host, () => performance.now() - began < seconds * 1_000)))
    // Each child speaks once a second.
    const lines = children.map((child) => child.stdout().split('\n').length)
    await until('the last word of the flood', () => children.every((child, at) => child.stdout().split('\n').length > (lines[at] ?? 0)))

    const said = children.map(latest)
    const sum = (of: (one: z.infer<typeof toldSchema>) => number): number => said.reduce((total, one) => total + of(one), 0)
    const lives = said.flatMap(({ firstLifeMs }) => firstLifeMs)
    const latencies = contacts.flatMap(({ ms }) => ms).sort((a, b) => a - b)
    const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? Number.POSITIVE_INFINITY
    const accepted = contacts.reduce((total, one) => total + one.accepted, 0)
    const read = total(await (await fetch(`${server.url}/metrics`)).text(), 'peercompute_work_messages_total')
    process.stdout.write(
      `${connections} connections sent ${sum(({ sent }) => sent)} in ${seconds} s, ${read} messages were handled, honest ones included; cut after at most ${Math.max(...lives)} ms, back ${sum(({ returned }) => returned)} times with new keys; ` +
        `honest: ${latencies.length} answers, p50 ${Math.round(latencies[Math.floor(latencies.length / 2)] ?? 0)} ms, p99 ${Math.round(p99)} ms, ${accepted} results\n`
    )
    expect((await server.job(id)).units.validated).toBe(tried + accepted)
    expect(lives).toHaveLength(connections)
    expect(Math.max(...lives)).toBeLessThan(cutMs)
    expect(p99).toBeLessThan(p99Ms)
    for (const one of contacts) expect(one.accepted).toBeGreaterThan(0)
    expect(server.process.child.exitCode).toBeNull()
    expect(server.process.stderr()).toBe('')
  } finally {
    await Promise.all(children.map((child) => child.end('SIGKILL')))
    await Promise.all(hosts.map((host) => host.leave()))
    await server.stop()
  }
}

/** Of a counter with labels, in the text form of Prometheus. */
function total(text: string, name: string): number {
  return [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))].reduce((sum, [, count]) => sum + Number(count), 0)
}

/** A few hosts only are given units of a new job until some have come out well. Resolves with how many. */
async function tryOut([first]: readonly ProtocolHost[]): Promise<number> {
  const given = await first?.lease(TRIAL_UNITS)
  if (first === undefined || given === undefined) return 0
  const { report, values } = await first.reportOf(given, unitsOf(given), () => new Uint8Array(4))
  return (await first.session.report(report, values)).filter(({ answer }) => answer === 'accepted').length
}

/** Asks and reports at its pace. Resolves with how long each answer took, and how many results were accepted. */
async function work(host: ProtocolHost, goingOn: () => boolean): Promise<{ readonly ms: number[]; readonly accepted: number }> {
  const ms: number[] = []
  let accepted = 0
  const timed = async <T>(request: Promise<T>): Promise<T> => {
    const started = performance.now()
    const answer = await request
    ms.push(performance.now() - started)
    return answer
  }
  while (goingOn()) {
    const given = await timed(host.lease(UNITS))
    const { report, values } = await host.reportOf(given, unitsOf(given), () => new Uint8Array(4))
    const answers = await timed(host.session.report(report, values))
    accepted += answers.filter(({ answer }) => answer === 'accepted').length
    await lasting(CONTACT_MS)
  }
  return { ms, accepted }
}
