/** R2: the coordinator is killed while a crowd of volunteers is connected, and they all come back, one after the other. */
import { rmSync } from 'node:fs'
import { startCampaign, type Judgement } from './campaign.ts'
import { readHistory } from './history.ts'
import { startVolunteerProcess } from './volunteer-process.ts'
import { startServer } from '../server.ts'
import { until } from '../until.ts'

export interface CrowdReturnsOptions {
  readonly seed: number
  readonly processes: number
  readonly volunteersEach: number
}

export interface CrowdReturnsRecord extends Judgement {
  /** From the start of the new coordinator until each volunteer was introduced again, in ms. */
  readonly backMs: readonly number[]
  /** Introductions in the busiest second, and on average while they lasted. */
  readonly peakPerSecond: number
  readonly meanPerSecond: number
}

const BACK_MS = 90_000

export async function crowdReturns({ seed, processes, volunteersEach }: CrowdReturnsOptions): Promise<CrowdReturnsRecord> {
  const server = await startServer()
  const campaign = await startCampaign('crowd', seed, server)
  const { history, submitter, random } = campaign
  const files = Array.from({ length: processes }, (_, index) => history.file.replace('.ndjson', `-${index}.ndjson`))
  const job = await submitter.submit({ unitCount: 1_000_000 })
  const crowd = await Promise.all(
    files.map((file, index) =>
      startVolunteerProcess({
        url: server.url,
        root: server.root,
        name: `crowd-${index}`,
        count: volunteersEach,
        transport: 'libp2p',
        seed: Math.floor(random() * 2 ** 32),
        history: file,
        perConnection: 1,
        unitsPerAsk: 4,
        workMs: 5_000
      })
    )
  )
  try {
    history.fault('SIGKILL')
    await server.killAndRestart()
    const upAt = Date.now()
    const back = await until(
      'the whole crowd',
      () => {
        const hosts = introductions(files, upAt)
        return hosts.size === processes * volunteersEach ? [...hosts.values()] : null
      },
      BACK_MS
    )
    await Promise.all(crowd.map((one) => one.drain()))
    await submitter.cancel(job)
    const judgement = await campaign.judge({ files })
    const backMs = back.map((at) => at - upAt)
    const inSecond = backMs.map((from) => backMs.filter((at) => at >= from && at < from + 1_000).length)
    const last = Math.max(...backMs)
    return { ...judgement, backMs, peakPerSecond: Math.max(...inSecond), meanPerSecond: backMs.length / Math.max(1, last / 1_000) }
  } finally {
    await Promise.all(crowd.map((one) => one.process.end('SIGKILL')))
    await campaign.end()
    await server.stop()
    for (const file of files) rmSync(file, { force: true })
  }
}

/** When each host was first introduced after that time. */
function introductions(files: readonly string[], after: number): ReadonlyMap<string, number> {
  const hosts = new Map<string, number>()
  for (const { call, outcome, endedAt } of files.flatMap((file) => readHistory(file)))
    if (call.op === 'connect' && outcome.type === 'ok' && endedAt !== null && endedAt >= after && !hosts.has(call.host))
      hosts.set(call.host, endedAt)
  return hosts
}
