/**
 * V2: a real coordinator, volunteers in processes of their own, each from another network of loopback; some of them collude. One job with
 * the default policy, whose units must come to be right, with the books in order, whatever the liars said and however often the coordinator
 * was killed meanwhile.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  coordinatorInfoSchema,
  ERROR_PROBABILITY_DEFAULT,
  generateKeyPair,
  MAX_RESULTS_DEFAULT,
  signSpec,
  submitAnswerSchema,
  type HostId,
  type JobId
} from '@peercompute/job-specs'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { AT_ONCE, startGenerators, sumTallies, type Generators, type GeneratorsOptions, type LinkKind } from '../../load/index.ts'
import { startServer, type TestServer } from '../server.ts'
import { until } from '../until.ts'
import { bansAmong, judgeLiars, type LiarsJudgement } from './judge-liars.ts'

export interface LiarsOptions {
  readonly seed: number
  readonly units: number
  readonly honest: number
  /** They lie about the same half of all units, with the same wrong values. */
  readonly colluding: number
  /** Executions of each of these before its first lie: what it had been believed for alone is reopened later. */
  readonly honestFor: number
  /** SIGKILLs of the coordinator, spread over the job. */
  readonly kills: number
  readonly timeoutMs: number
  readonly report?: (line: string) => void
}

export interface LiarsRecord extends LiarsJudgement {
  /** From the submission to the end of the job, with every banned host's units looked through. */
  readonly seconds: number
  /** Accepted executions for each unit, those included that were taken back. */
  readonly executions: number
}

const LIE_RATE = 0.5
/** A few at a time, so that what is known of a host counts soon. */
const PATTERN = { ...AT_ONCE, unitsPerContact: 2, unitMs: 10, unitSpread: 0.5 }
/** The others have a work stream over libp2p. */
const HTTP_SHARE = 0.25
const JOIN_MS = 60_000

export async function runLiars(options: LiarsOptions): Promise<LiarsRecord> {
  const { seed, units, honest, colluding, honestFor, kills, timeoutMs, report = () => undefined } = options
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-liars-'))
  const server = await startServer({ dataDir: join(folder, 'data') })
  const fleets: Generators[] = []
  try {
    const { peerId, root } = coordinatorInfoSchema.parse(await server.get('/api/v1/coordinator'))
    const come = async (link: LinkKind, first: number, count: number, share: number): Promise<Generators> => {
      const init: GeneratorsOptions = {
        coordinator: { port: server.port, peerId, root },
        seed,
        processes: 1,
        link,
        first,
        count,
        pattern: PATTERN
      }
      const fleet = await startGenerators({ ...init, colluding: share, lieRate: LIE_RATE, honestFor })
      fleets.push(fleet)
      await fleet.connected(JOIN_MS)
      return fleet
    }
    const overHttp = Math.floor(honest * HTTP_SHARE)
    const [streams, http, liars] = await Promise.all([
      come('work-stream', 0, honest - overHttp, 0),
      come('http', honest - overHttp, overHttp, 0),
      come('work-stream', honest, colluding, 1)
    ])
    const hosts = { honest: [...(await streams.hosts()), ...(await http.hosts())], liars: await liars.hosts() }
    report(`${hosts.honest.length} honest volunteers and ${hosts.liars.length} who collude have come`)

    const began = performance.now()
    const job = await submit(server, units)
    await killsOver(server, job, kills, timeoutMs, report)
    await settled(server, job, hosts.liars, timeoutMs)
    const seconds = (performance.now() - began) / 1_000
    const tally = sumTallies(await Promise.all(fleets.map((fleet) => fleet.tally())))
    await Promise.all(fleets.map((fleet) => fleet.stop()))
    const judgement = await judgeLiars({ server, job, hosts, folder })
    return { ...judgement, seconds, executions: (tally.answers['accepted'] ?? 0) / units }
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.stop()))
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function submit(server: TestServer, unitCount: number): Promise<JobId> {
  const { manifest, programs } = await loadKernel('n-queens')
  const spec = specFor(manifest, {}, programs)
  const verification = {
    policy: 'credibility' as const,
    errorProbability: ERROR_PROBABILITY_DEFAULT,
    independence: 'subnet' as const,
    comparator: { kind: 'exact' as const },
    maxResults: MAX_RESULTS_DEFAULT
  }
  const signed = await signSpec(await generateKeyPair({ extractable: true }), {
    ...spec,
    name: 'liars',
    title: 'Liars',
    unitCount,
    verification
  })
  const answer = await fetch(`${server.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signed)
  })
  if (!answer.ok) throw new Error(`The coordinator refused the job: ${await answer.text()}`)
  return submitAnswerSchema.parse(await answer.json()).id
}

async function killsOver(server: TestServer, job: JobId, kills: number, timeoutMs: number, report: (line: string) => void): Promise<void> {
  for (let kill = 1; kill <= kills; kill++) {
    await until(
      `${kill} of ${kills + 1} parts of the job`,
      async () => {
        const { units, unitCount } = await server.job(job)
        return units.validated >= (unitCount * kill) / (kills + 1)
      },
      timeoutMs
    )
    await server.killAndRestart()
    report(`killed and back at ${(await server.job(job)).units.validated} units`)
  }
}

/** The job is over, every liar is banned, and what they had decided has been looked through. */
async function settled(server: TestServer, job: JobId, liars: readonly HostId[], timeoutMs: number): Promise<void> {
  const over = async (): Promise<boolean> => {
    if ((await server.job(job)).state !== 'completed') return false
    const bans = await bansAmong(server, liars)
    return bans.every(({ ban }) => ban?.swept !== false) && (await server.job(job)).state === 'completed'
  }
  await until('the end of the job', over, timeoutMs).catch(async (cause: unknown) => {
    const { state, units, why } = await server.job(job)
    const bans = await bansAmong(server, liars)
    throw new Error(`It is ${state}, ${why.sentence}, ${JSON.stringify(units)}; liars: ${JSON.stringify(bans)}`, { cause })
  })
}
