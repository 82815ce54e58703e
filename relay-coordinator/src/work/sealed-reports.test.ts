/** V3 of the security tests: what a host has found is nobody else's before it is settled, and a copy of it earns nothing. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { generateKeyPair, sha256Hex, signReport, signSpec, type JobId, type Lease, type Report } from '@peercompute/job-specs'
import { createChannelPair } from '../testing/channel-pair.ts'
import { smallSpec, u32 } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { converse, createTestHost, introduce, type Conversation, type TestHost } from '../testing/test-host.ts'

const UNITS = 12
const THIEVES = 5
/** Numbers that occur nowhere else. */
const valueOf = (unit: number): number => 3_141_592_600 + unit

interface Peer {
  readonly host: TestHost
  readonly talk: Conversation
}

let parts: TestApp
/** All that has been told to anybody, as text. */
let told: string[]
let job: JobId

beforeEach(async () => {
  parts = await createTestApp({}, () => true)
  told = []
  parts.coordinator.onLive((event) => void told.push(JSON.stringify(event)))
  parts.coordinator.onSettlement((settlement) => void told.push(JSON.stringify(settlement)))
  const signed = await signSpec(await generateKeyPair({ extractable: true }), smallSpec({ unitCount: UNITS }))
  job = (await parts.coordinator.submit(signed, false)).id
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

async function join(n: number): Promise<Peer> {
  const { host: channel, coordinator } = createChannelPair()
  void parts.work.serve(coordinator, `192.0.${n}.0/24`)
  const host = await createTestHost()
  const heard = converse(channel)
  const talk: Conversation = {
    ask: async (message, expected, attachment) => {
      const answer = await heard.ask(message, expected, attachment)
      told.push(JSON.stringify(answer))
      return answer
    },
    next: (expected) => heard.next(expected)
  }
  await introduce(talk, host)
  return { host, talk }
}

async function ask({ talk }: Peer, units: number): Promise<readonly Lease[]> {
  return (await talk.ask({ type: 'ask', id: 7, executor: 'js', units, seconds: 0, knownJobs: [job] }, 'work')).leases
}

/** As the coordinator answers: what became of each unit, or the error's code. */
async function send({ talk }: Peer, report: Report, values: Uint8Array): Promise<string[]> {
  try {
    return (await talk.ask({ type: 'report', id: 9, report }, 'ack', values)).answers.map(({ answer }) => answer)
  } catch (error) {
    const refusal = /Expected ack, got (.*)$/s.exec(error instanceof Error ? error.message : '')?.[1]
    if (refusal === undefined) throw error
    told.push(refusal)
    return [(JSON.parse(refusal) as { code: string }).code]
  }
}

/** Everything that anybody may read of the job. */
async function published(hosts: readonly TestHost[]): Promise<string> {
  const of = `/api/v1/jobs/${job}`
  const urls = [
    '/api/v1/jobs',
    ...[
      '',
      '/why',
      '/why?unit=0',
      '/results',
      `/values?start=0&count=${UNITS}`,
      '/reduced',
      '/spec',
      '/trust',
      '/receipt',
      '/download'
    ].map((end) => of + end),
    ...['/units/0', '/units/0/receipt'].map((end) => of + end),
    '/api/v1/hosts',
    ...hosts.flatMap(({ id }) => [`/api/v1/hosts/${id}/why`, `/api/v1/hosts/${id}/reputation`]),
    '/metrics'
  ]
  const bodies = await Promise.all(urls.map(async (url) => (await parts.app.inject({ method: 'GET', url })).rawPayload.toString('latin1')))
  return bodies.join('\n')
}

/** The forms in which the values of these units could be seen. */
function traces(units: readonly number[]): string[] {
  return units.flatMap((unit) => {
    const bytes = u32(valueOf(unit))
    return [String(valueOf(unit)), sha256Hex(bytes), Buffer.from(bytes).toString('base64'), Buffer.from(bytes).toString('latin1')]
  })
}

const found = (text: string, units: readonly number[]): string[] => traces(units).filter((trace) => text.includes(trace))

it('five peers that replay reports, digests and values of others get no credit, and nothing of theirs is accepted', async () => {
  const [first, second] = [await join(1), await join(2)]
  const [lease] = await ask(first, UNITS)
  if (lease === undefined) throw new Error('The first host gets all units')
  const units = Array.from({ length: lease.count }, (_, i) => lease.start + i)
  const { report, values } = await first.host.report(lease, valueOf)
  const { sig: _sig, ...body } = report
  expect(await send(first, report, values)).toEqual(units.map(() => 'accepted'))
  expect(parts.coordinator.job(job).units).toMatchObject({ validating: UNITS, validated: 0 })

  const thieves = await Promise.all(Array.from({ length: THIEVES }, (_, n) => join(10 + n)))
  const answers: string[] = []
  for (const thief of thieves) {
    const own = { ...body, host: thief.host.id }
    const signed = (changes: Partial<typeof body> = {}): Promise<Report> => signReport(thief.host.keys, { ...own, ...changes })
    // The report of the other, as it is and under the own name; a copied digest under the own signature, without a lease.
    answers.push(...(await send(thief, report, values)))
    answers.push(...(await send(thief, { ...own, sig: report.sig }, values)))
    answers.push(...(await send(thief, await signed(), values)))
    answers.push(...(await send(thief, await signed({ epoch: lease.epoch + 1 }), values)))
    answers.push(...(await send(thief, await signed({ epoch: 10_000 }), values)))
  }
  expect([...new Set(answers)].sort()).toEqual(['REQUEST_INVALID', 'not_held'])

  // With a lease of one of the units, and its digest: without the value it is worth nothing.
  const [thief] = thieves
  if (thief === undefined) throw new Error('There are five')
  const [held] = await ask(thief, 1)
  if (held === undefined) throw new Error('A unit waits for a second host')
  const entry = body.units.filter(({ unit }) => unit === held.start)
  const guess = u32(held.start)
  const copied = await signReport(thief.host.keys, { ...body, host: thief.host.id, epoch: held.epoch, units: entry })
  const others = body.units.filter(({ unit }) => unit !== held.start)
  const elsewhere = await signReport(thief.host.keys, { ...body, host: thief.host.id, epoch: held.epoch, units: others })
  expect(new Set(await send(thief, elsewhere, values.subarray(4)))).toEqual(new Set(['not_held']))
  expect(await send(thief, copied, guess)).toEqual(['rejected'])

  const everybody = [first, second, ...thieves].map(({ host }) => host)
  const digest = sha256Hex(u32(valueOf(0)))
  expect(found(told.join('\n') + (await published(everybody)), units)).toEqual([])
  expect((await parts.app.inject({ method: 'GET', url: `/api/v1/blobs/${digest}` })).statusCode).toBe(404)

  // The second host's own results settle them: only now can they be seen, and the thieves are too late.
  for (const each of await ask(second, UNITS)) {
    const sent = await second.host.report(each, valueOf)
    expect(new Set(await send(second, sent.report, sent.values))).toEqual(new Set(['accepted']))
  }
  expect(parts.coordinator.job(job).state).toBe('completed')
  expect(found(await published(everybody), [0])).toEqual(expect.arrayContaining([String(valueOf(0)), digest]))
  expect(found(told.join('\n'), [0])).toContain(digest)
  for (const late of thieves)
    expect(await send(late, await signReport(late.host.keys, { ...body, host: late.host.id }), values)).not.toContain('accepted')

  const credit = parts.coordinator.credit()
  for (const { host } of thieves) expect(credit.get(host.certificate.account) ?? 0).toBe(0)
  expect([first, second].every(({ host }) => (credit.get(host.certificate.account) ?? 0) > 0)).toBe(true)
  const { rows } = await parts.coordinator.results(job, { from: 0, limit: UNITS })
  const voters = new Set(rows.flatMap(({ votes }) => votes.map(({ host }) => host)))
  expect(voters).toEqual(new Set([first.host.id, second.host.id]))
  expect(parts.faults).toEqual([])
})
