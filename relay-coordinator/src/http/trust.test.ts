import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  generateKeyPair,
  hostReputationDetailSchema,
  jobTrustSchema,
  pardonAnswerSchema,
  reputedHostSchema,
  signSpec,
  unitReplicasSchema,
  type Verification
} from '@peercompute/job-specs'
import { z } from 'zod'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { createTestHost, type TestHost } from '../testing/test-host.ts'

let parts: TestApp
let url: string

beforeEach(async () => {
  parts = await createTestApp({}, () => true)
  url = await parts.app.listen({ port: 0, host: '127.0.0.1' })
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

const read = async (path: string): Promise<unknown> => (await fetch(`${url}/api/v1${path}`)).json()
const trustOf = async (id: string) => jobTrustSchema.parse(await read(`/jobs/${id}/trust`))
const replicasOf = async (id: string, unit: number) => unitReplicasSchema.parse(await read(`/jobs/${id}/units/${unit}`))
const reputationOf = async (host: string) => hostReputationDetailSchema.parse(await read(`/hosts/${host}/reputation`))

const WITHIN_A_TENTH = { kind: 'tolerance', absolute: 0, relative: 0.1 } as const
const publish = async (verification: Partial<Extract<Verification, { policy: 'quorum' }>>, unitCount = 4) =>
  (
    await parts.coordinator.submit(
      await signSpec(await generateKeyPair({ extractable: true }), smallSpec({ verification, unitCount })),
      false
    )
  ).id

/** It asks once and reports all that it is given. */
async function computes(valueOf: (unit: number) => number): Promise<TestHost> {
  const host = await createTestHost()
  const { account, host: key, label } = host.certificate
  const { description, certificate } = host
  await parts.coordinator.hostConnected({ host: key, account, label, description, certificate, subnet: `192.0.${hosts++}.0/24` })
  await asksAgain(host, valueOf)
  return host
}

async function asksAgain(host: TestHost, valueOf: (unit: number) => number): Promise<void> {
  const { leases } = await parts.coordinator.ask(host.id, { executor: 'js', units: 16, seconds: 0 })
  for (const lease of leases) {
    const { report, values } = await host.report(lease, valueOf)
    await parts.coordinator.report(report, values)
  }
}
let hosts = 0

describe('the trust of a job', () => {
  it('begins with nothing but the policy', async () => {
    expect(await trustOf(await publish({}))).toMatchObject({
      sentence: 'A unit is validated when 2 results from different computers agree.',
      executionsPerUnit: null,
      settled: 0,
      counted: 0,
      errorProbability: null,
      votes: { canonical: 0, agrees: 0, rejected: 0 },
      suspects: expect.closeTo(0.2)
    })
  })

  it('counts votes and places each result by its distance from the value that is kept', async () => {
    const id = await publish({ comparator: WITHIN_A_TENTH })
    await computes((unit) => 1_000 + unit)
    // Unit 1 lies, 0 is the same, 2 and 3 differ by a hundredth: a tenth of what is permitted.
    await computes((unit) => [1_000, 5_000, 1_012, 1_013][unit] ?? 0)
    expect((await trustOf(id)).votes).toEqual({ canonical: 3, agrees: 3, rejected: 0 })
    await computes((unit) => 1_000 + unit)
    // The count is given again for two seconds.
    parts.clock.advance(2_000)
    const trust = await trustOf(id)
    expect(trust).toMatchObject({
      settled: 4,
      counted: 4,
      checkedTwice: 4,
      hosts: 3,
      accounts: 3,
      numericClasses: 1,
      executionsPerUnit: 2.25
    })
    expect(trust.votes).toEqual({ canonical: 4, agrees: 4, rejected: 1 })
    expect(trust.histogram.identical).toBe(2)
    const places = trust.histogram.bins.flatMap(({ agreeing, rejected }, bin) =>
      agreeing + rejected > 0 ? [{ bin, agreeing, rejected }] : []
    )
    // Bin 13 ends at a tenth of the bound, and has it; bin 17 is from √10 bounds to ten.
    expect(places).toEqual([
      { bin: 13, agreeing: 2, rejected: 0 },
      { bin: 17, agreeing: 0, rejected: 1 }
    ])
    expect(trust.errorProbability?.mean).toBeGreaterThan(0)
    expect(trust.errorProbability?.worst).toBeGreaterThanOrEqual(trust.errorProbability?.mean ?? 1)
  })

  it('tells of an inconclusive unit how far its results lie apart', async () => {
    const id = await publish({ comparator: WITHIN_A_TENTH, maxResults: 2 }, 1)
    await computes(() => 1_000)
    await computes(() => 2_000)
    const [spread] = (await trustOf(id)).inconclusive
    expect(spread).toMatchObject({ unit: 0, results: 2, values: 2, leading: 1, nearest: { metric: 5, bound: 1 } })
    const { state, value, replicas } = await replicasOf(id, 0)
    expect({ state, value }).toEqual({ state: 'inconclusive', value: null })
    expect(replicas.map(({ verdict, difference }) => [verdict, difference])).toEqual([
      ['undecided', 'the leading answer'],
      ['undecided', '5 times what is permitted']
    ])
  })

  it('says that a job is not there', async () => {
    expect(await read(`/jobs/${'0'.repeat(64)}/trust`)).toMatchObject({ code: 'JOB_NOT_FOUND' })
  })
})

describe('the results of one unit', () => {
  it('are sealed until it is settled, then stand side by side', async () => {
    const id = await publish({ comparator: WITHIN_A_TENTH })
    const first = await computes((unit) => 1_000 + unit)
    const sealed = await fetch(`${url}/api/v1/jobs/${id}/units/2`)
    expect(await sealed.json()).toEqual({ job: id, unit: 2, state: 'open', value: null, replicas: [], sealed: 1 })
    const second = await computes((unit) => 1_010 + unit)
    const { state, value, replicas } = await replicasOf(id, 2)
    expect(state).toBe('settled')
    expect(value?.outputs).toEqual({ count: [1_002] })
    expect(replicas.map(({ host, verdict }) => [host, verdict])).toEqual([
      [first.id, 'canonical'],
      [second.id, 'agrees']
    ])
    expect(replicas[0]).toMatchObject({
      executor: 'js',
      numericClass: 'test',
      metric: 0,
      difference: 'the value that is kept',
      seconds: 0.001
    })
    expect(replicas[1]?.difference).toMatch(/^0\.\d+ of what is permitted$/)
  })

  it('refuses a unit that the job does not have', async () => {
    const id = await publish({})
    expect(await read(`/jobs/${id}/units/4`)).toMatchObject({ code: 'REQUEST_INVALID' })
    expect(await read(`/jobs/${id}/units/-1`)).toMatchObject({ code: 'REQUEST_INVALID' })
  })
})

describe('the reputation of a host', () => {
  it('is in words: unknown, then earning, then suspect', async () => {
    await publish({ comparator: WITHIN_A_TENTH })
    const honest = await computes((unit) => 1_000 + unit)
    expect(await reputationOf(honest.id)).toMatchObject({ standing: 'unknown', checks: 0, programs: [], ban: null })
    const liar = await computes((unit) => (unit < 2 ? 1_000 + unit : 7_000))
    await computes((unit) => 1_000 + unit)
    const known = await reputationOf(honest.id)
    expect(known).toMatchObject({ standing: 'earning', checks: 4, passed: 4, failures: 0 })
    expect(known.sentence).toBe('Its last 4 compared results agreed with those of others.')
    expect(known.programs).toEqual([expect.objectContaining({ executor: 'js', checks: 4, passed: 4, failures: 0 })])
    const list = z.object({ hosts: z.array(reputedHostSchema) }).parse(await read('/hosts')).hosts
    expect(list.find(({ host }) => host === liar.id)?.reputation.doubt).toBeGreaterThan(known.doubt)
  })

  it('tells of a ban with its remedy, and forgets it when the operator takes the host back', async () => {
    const honest = (unit: number) => 1_000 + unit
    await publish({ comparator: WITHIN_A_TENTH }, 16)
    const [first, second] = [await computes(honest), await computes(honest)]
    // They are known now: who loses against them is wrong.
    expect(await reputationOf(second.id)).toMatchObject({ standing: 'proven', passed: 16 })
    await publish({ comparator: WITHIN_A_TENTH }, 16)
    const liar = await computes(() => 9_000_000)
    await asksAgain(first, honest)
    const third = await computes(honest)
    await asksAgain(second, honest)
    expect(third.id).not.toBe(liar.id)
    const { standing, ban, remedy } = await reputationOf(liar.id)
    expect({ standing, cause: ban?.cause }).toEqual({ standing: 'banned', cause: 'errors' })
    expect(remedy).toContain('ask the operator')
    const back = await fetch(`${url}/api/v1/hosts/${liar.id}/pardon`, { method: 'POST' })
    expect(pardonAnswerSchema.parse(await back.json())).toMatchObject({ pardoned: true, reputation: { standing: 'unknown', ban: null } })
  })

  it('lets only the operator take a banned host back, and says when it was not banned', async () => {
    await publish({})
    const host = await computes((unit) => unit)
    const post = (headers: Record<string, string>) => fetch(`${url}/api/v1/hosts/${host.id}/pardon`, { method: 'POST', headers })
    expect(await (await post({ origin: 'https://elsewhere.example' })).json()).toMatchObject({ code: 'TOKEN_REQUIRED' })
    expect(pardonAnswerSchema.parse(await (await post({ authorization: `Bearer ${parts.token}` })).json())).toMatchObject({
      host: host.id,
      pardoned: false
    })
    const nobody = await createTestHost()
    expect(await read(`/hosts/${nobody.id}/reputation`)).toMatchObject({ code: 'NOT_FOUND' })
  })
})
