/** R1: the coordinator is killed without warning, again and again, while results come in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobsOver, startCampaign, type Judgement } from './campaign.ts'
import { lightValue } from './light-value.ts'
import { lasting } from '../lasting.ts'
import { startServer } from '../server.ts'
import { until } from '../until.ts'

export interface KillsOptions {
  readonly seed: number
  readonly kills: number
  /** Acknowledged reports of one unit or more between two kills, at least. */
  readonly resultsBetween: number
  readonly volunteers: number
  /** No kill begins later than so many ms after the first: a slow machine does fewer. */
  readonly forMs: number
}

export interface KillsRecord extends Judgement {
  /** From each kill until the coordinator was ready again, in ms. */
  readonly downMs: readonly number[]
  /** Acknowledged results, and how many came in a second while it was up. */
  readonly results: number
  readonly resultsPerSecond: number
  /** Reports of which nobody knew for a while whether they had arrived. */
  readonly unknown: number
}

/** Units of one job: small enough that jobs end, and are cancelled, between kills. */
const UNITS = 400
const OPEN_JOBS = 3
const UNITS_PER_REPORT = 5
/** How long a kill waits at most after enough results have come, so that it hits any point of a transaction. */
const JITTER_MS = 400

export async function killUnderLoad({ seed, kills, resultsBetween, volunteers, forMs }: KillsOptions): Promise<KillsRecord> {
  // Kept when the run fails, for whoever looks into it.
  const dataDir = mkdtempSync(join(tmpdir(), 'peercompute-kills-'))
  const server = await startServer({ dataDir })
  const campaign = await startCampaign('kills', seed, server)
  const { history, submitter, random } = campaign
  const ends: (() => void)[] = []
  const enough = new AbortController()
  try {
    for (let index = 0; index < volunteers; index++) {
      const liar = index === volunteers - 1
      await campaign.volunteer({ workMs: 60, unitsPerReport: UNITS_PER_REPORT, ...(liar ? { resultOf: lying } : {}) })
    }
    const jobs = await Promise.all(Array.from({ length: OPEN_JOBS }, (_, index) => submitter.submit(shape(index))))
    const researcher = (async () => {
      while (!enough.signal.aborted) {
        const states = await Promise.all(jobs.slice(-OPEN_JOBS).map((id) => server.job(id))).catch(() => [])
        const done = states.filter(({ state }) => state !== 'running').length
        for (let n = 0; n < done; n++) jobs.push(await submitter.submit(shape(jobs.length)))
        const one = jobs[Math.floor(random() * jobs.length)]
        if (one !== undefined) await submitter.read(one, 0).catch(() => undefined)
        if (one !== undefined && random() < 0.03) await submitter.cancel(one).catch(() => undefined)
        await lasting(100)
      }
    })()
    researcher.catch(() => undefined)

    const downMs: number[] = []
    let upMs = 0
    const lastAt = performance.now() + forMs
    for (let kill = 0; kill < kills && performance.now() < lastAt; kill++) {
      const from = history.count('report', 'ok')
      const began = performance.now()
      await until(`results after kill ${kill}`, () => (history.count('report', 'ok') - from) * UNITS_PER_REPORT >= resultsBetween)
      await lasting(random() * JITTER_MS)
      upMs += performance.now() - began
      history.fault('SIGKILL')
      const killed = performance.now()
      await server.killAndRestart()
      downMs.push(performance.now() - killed)
    }
    enough.abort()
    await researcher
    await jobsOver(server, jobs)
    const judgement = await campaign.judge()
    const reports = history.count('report', 'ok')
    const results = [...judgement.evidence.jobs.values()].reduce(
      (sum, { rows }) => sum + rows.reduce((votes, row) => votes + row.votes.length, 0),
      0
    )
    if (judgement.violations.length === 0) ends.push(() => rmSync(dataDir, { recursive: true, force: true }))
    return {
      ...judgement,
      downMs,
      results,
      resultsPerSecond: (reports * UNITS_PER_REPORT) / ((upMs + 1) / 1_000),
      unknown: history.count('report', 'unknown')
    }
  } finally {
    enough.abort()
    await campaign.end()
    await server.stop()
    for (const end of ends) end()
  }
}

/** Wrong here and there, and sometimes nothing at all. */
function lying(unit: number): Uint8Array | null {
  if (unit % 97 === 3) return null
  return unit % 5 === 0 ? lightValue(unit + 1) : lightValue(unit)
}

/** Jobs that differ in what a unit is worth and in how it is settled. */
function shape(index: number) {
  const quorum = 1 + (index % 2)
  return {
    unitCount: UNITS,
    unitOperations: 432_000 * (1 + (index % 7)),
    verification: {
      policy: 'quorum' as const,
      quorum,
      independence: 'host' as const,
      comparator: { kind: 'exact' as const },
      maxResults: 8
    }
  }
}
