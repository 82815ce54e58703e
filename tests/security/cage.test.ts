/**
 * S5: what a hostile JavaScript job tries against a headless volunteer, in each cage that this machine has: nothing is read,
 * written or sent outside, no result is forged, and after each attack the next good unit is right.
 */
import { utf8 } from '@peercompute/job-specs'
import {
  nodeCpuWorker,
  openCage,
  type CageKind,
  type CagePool,
  type ComputeWorker,
  type PreparedJob,
  type UnitOutcome
} from '@peercompute/worker-client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTACKS, FORGED, HELPERS, type Attack } from './parts/cage/attacks.ts'
import { jobOf } from './parts/cage/job-of.ts'
import { runControl, runInRuntime } from './parts/cage/run-bare.ts'
import { startWatch, type Watch } from './parts/cage/watch.ts'

const NEEDED: Readonly<Record<CageKind, string>> = {
  deno: 'Deno is a dependency: it must be here',
  bubblewrap: 'bubblewrap does not work here (Linux with user namespaces or root, and apt-get install bubblewrap)'
}

let watch: Watch
beforeAll(async () => {
  watch = await startWatch()
})
afterAll(() => watch[Symbol.asyncDispose]())

/** Unit 2k is attack k, the unit after it an honest one. */
function attackJob(attacks: readonly Attack[]): PreparedJob {
  return jobOf(
    `const at = ${JSON.stringify(watch.targets)}
    const attacks = [${attacks.map(({ body }) => `async (seen) => {${HELPERS}\n${body}\n}`).join(',\n')}]

export default async ({ unit }) => {
      const seen = new Uint8Array(256)
      if (unit % 2 === 1) seen.fill(unit)
      else await attacks[unit / 2](seen)
      return { seen }
    }`,
    256
  )
}
const good = jobOf('export default ({ unit }) => ({ seen: new Uint8Array([unit, 7]) })', 2)

async function run(worker: ComputeWorker, job: PreparedJob, start: number, count: number): Promise<readonly UnitOutcome[]> {
  const outcomes: UnitOutcome[] = []
  await worker.run({ job, start, count }, { outcome: (outcome) => outcomes.push(outcome) }, new AbortController().signal)
  return outcomes.sort((a, b) => a.unit - b.unit)
}

/** No output of an attack is forged or holds the secret, and nothing was touched outside. */
async function expectHeld(outcomes: readonly UnitOutcome[]): Promise<void> {
  expect(outcomes.filter((outcome) => !outcome.ok && outcome.reason === 'compile_error')).toEqual([])
  const said = outcomes.map((outcome) => (outcome.ok ? outcome.value : utf8(outcome.message)))
  expect(await watch.evidence(Buffer.concat(said))).toEqual([])
  expect(outcomes.filter((outcome) => outcome.ok && outcome.value[0] === FORGED)).toEqual([])
}

it('the detectors work: in plain Node each of these attacks succeeds', async () => {
  const fired = await runControl(watch)
  expect(fired.filter(({ evidence }) => evidence.length === 0)).toEqual([])
  expect(fired.map(({ name }) => name)).toEqual(ATTACKS.filter(({ control }) => control).map(({ name }) => name))
}, 60_000)

describe.each<CageKind>(['deno', 'bubblewrap'])('%s', (kind) => {
  let cage: CagePool | undefined
  let worker: ComputeWorker | undefined
  let why = ''
  beforeAll(async () => {
    const opened = await openCage(kind)
    if (opened.kind === null) {
      why = opened.why
      return
    }
    cage = opened
    worker = await nodeCpuWorker({ kind: 'js', slots: 1, cage })
  })
  afterAll(async () => {
    await worker?.stop()
    await cage?.close()
  })

  it('is here', ({ skip }) => {
    if (kind === 'bubblewrap' && worker === undefined) skip(`${NEEDED[kind]}: ${why}`)
    expect(worker, why).toBeDefined()
  })

  it(`holds ${ATTACKS.filter(({ alone }) => !alone).length} attacks, one after another, with a right unit after each`, async ({ skip }) => {
    if (worker === undefined) {
      skip(NEEDED[kind])
      return
    }
    const attacks = ATTACKS.filter(({ alone }) => !alone)
    await watch.evidence()
    const outcomes = await run(worker, attackJob(attacks), 0, 2 * attacks.length)
    await expectHeld(outcomes)
    for (const { unit } of outcomes.filter((outcome) => outcome.unit % 2 === 1))
      expect(outcomes[unit]).toMatchObject({ ok: true, value: new Uint8Array(256).fill(unit) })
    // Also what the first job kept somewhere is not there for the next one.
    const keeping = ATTACKS.filter(({ name }) => name.startsWith('keeps'))
    await expectHeld(await run(worker, attackJob(keeping), 0, 2 * keeping.length))
  }, 60_000)

  it.for(ATTACKS.filter(({ alone }) => alone))('holds a job that $name', { timeout: 60_000 }, async (attack, { skip }) => {
    if (worker === undefined) {
      skip(NEEDED[kind])
      return
    }
    await watch.evidence()
    await expectHeld(await run(worker, attackJob([attack]), 0, 1))
    expect(await run(worker, good, 5, 1)).toMatchObject([{ ok: true, value: new Uint8Array([5, 7]) }])
  })

  it('stops them also by its own walls, without the prelude in front', async ({ skip }) => {
    if (cage === undefined) {
      skip(NEEDED[kind])
      return
    }
    await watch.evidence()
    const { command, args, env } = cage.cage.command(16_777_216)
    const own = args.filter((arg) => !arg.startsWith('--import-map='))
    const { ran, wanted, evidence } = await runInRuntime(watch, (script) => ({
      command,
      env,
      args: own.map((arg) => (/^\/.*\bcage\.c?js$/.test(arg) && !arg.startsWith('/cage/') ? script : arg))
    }))
    expect({ ran, evidence }).toEqual({ ran: wanted, evidence: [] })
  }, 60_000)
})
