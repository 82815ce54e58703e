/** A coordinator, its light volunteers, a researcher and a history: what every scenario starts with and is judged by. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { rootIdSchema, type JobId, type ReportAnswer } from '@peercompute/job-specs'
import { seededRandom } from '../seeded-random.ts'
import { until } from '../until.ts'
import { checkHistory } from './check-history.ts'
import { gatherEvidence, type Evidence } from './evidence.ts'
import { createHistory, readHistory, type History, type Operation } from './history.ts'
import { lightValue } from './light-value.ts'
import { startLightVolunteer, type LightVolunteer, type LightVolunteerInit } from './light-volunteer.ts'
import { createSubmitter, type Submitter } from './submitter.ts'
import type { Served } from './served-here.ts'
import type { Violation } from './violation.ts'
import { httpLine } from './work-line.ts'

/** Failing histories are kept here, for whoever looks into them. */
const KEPT = join(tmpdir(), 'peercompute-histories')

export interface Campaign {
  readonly server: Served
  readonly history: History
  readonly submitter: Submitter
  readonly random: () => number
  readonly volunteers: readonly LightVolunteer[]
  volunteer(changes?: Partial<LightVolunteerInit>): Promise<LightVolunteer>
  /** Waits until every volunteer has delivered everything and the ledger has caught up; then the judgement. */
  judge(options?: { readonly timeoutMs?: number; readonly files?: readonly string[] }): Promise<Judgement>
  /** Stops the volunteers. */
  end(): Promise<void>
}

export interface Judgement {
  readonly violations: readonly Violation[]
  readonly evidence: Evidence
  readonly operations: number
  /** How often each answer to a reported unit was given. */
  readonly answers: ReadonlyMap<ReportAnswer, number>
}

export async function startCampaign(name: string, seed: number, server: Served): Promise<Campaign> {
  mkdirSync(KEPT, { recursive: true })
  const random = seededRandom(seed)
  const root = rootIdSchema.parse(server.root)
  const history = createHistory(join(KEPT, `${name}-${seed}-${process.pid}.ndjson`))
  const submitter = await createSubmitter(server.url, history)
  const volunteers: LightVolunteer[] = []
  const judge: Campaign['judge'] = async ({ timeoutMs = 60_000, files = [] } = {}) => {
    await until('empty outboxes', () => volunteers.every(({ waiting, inHand }) => waiting + inHand === 0), timeoutMs)
    const operations = [history.file, ...files].flatMap((file) => readHistory(file))
    let evidence = await gatherEvidence(server)
    let violations = checkHistory(operations, evidence)
    // The ledger follows the store; what else is wrong does not pass.
    const behind = async (): Promise<boolean> => {
      if (
        violations.length === 0 ||
        !violations.every(({ promise, what }) => promise === 'ledger-behind' || what.includes('in the ledger'))
      )
        return true
      evidence = await gatherEvidence(server)
      violations = checkHistory(operations, evidence)
      return violations.length === 0
    }
    await until('a ledger that tells everything', behind, 15_000).catch(() => undefined)
    return { violations, evidence, operations: operations.length, answers: answersIn(operations) }
  }
  return {
    server,
    history,
    submitter,
    random,
    volunteers,
    async volunteer(changes = {}) {
      const started = await startLightVolunteer({
        name: `light-${volunteers.length}`,
        line: httpLine(server.url),
        root,
        history,
        random: seededRandom(Math.floor(random() * 2 ** 32)),
        resultOf: lightValue,
        ...changes
      })
      volunteers.push(started)
      return started
    },
    judge,
    async end() {
      await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
    }
  }
}

function answersIn(operations: readonly Operation[]): ReadonlyMap<ReportAnswer, number> {
  const counts = new Map<ReportAnswer, number>()
  for (const { outcome } of operations)
    if (outcome.type === 'ok') for (const { answer } of outcome.answer.units ?? []) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  return counts
}

/** Resolves when none of these jobs is open. */
export async function jobsOver(server: Served, jobs: readonly JobId[], timeoutMs = 60_000): Promise<void> {
  await until(
    `the end of ${jobs.length} jobs`,
    async () =>
      (await Promise.all(jobs.map((id) => server.job(id)))).every(({ state }) => ['completed', 'failed', 'cancelled'].includes(state)),
    timeoutMs
  )
}
