import { afterEach, beforeEach, expect, it } from 'vitest'
import { generateKeyPair, signSpec } from '@peercompute/job-specs'
import {
  coordinatorMessageSchema,
  decodeFrames,
  encodeFrame,
  FRAME_MEDIA_TYPE,
  WORK_FRAME_MAX_BYTES,
  type CoordinatorMessage
} from '@peercompute/job-specs/protocol'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { createTestHost, type MessageOf, type TestHost } from '../testing/test-host.ts'
import { SESSION_IDLE_MS } from '../work/work-over-http.ts'

const ELSEWHERE = '203.0.113.9'
let parts: TestApp

beforeEach(async () => {
  parts = await createTestApp({}, () => true)
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

const post = (payload: Uint8Array, type = FRAME_MEDIA_TYPE) =>
  parts.app.inject({
    method: 'POST',
    url: '/api/v1/work',
    headers: { 'content-type': type },
    payload: Buffer.from(payload),
    remoteAddress: ELSEWHERE
  })

async function say(...frames: (object | readonly [object, Uint8Array])[]): Promise<CoordinatorMessage[]> {
  const encoded = frames.map((frame) => ('0' in frame ? encodeFrame(frame[0], frame[1]) : encodeFrame(frame)))
  const response = await post(Buffer.concat(encoded))
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, FRAME_MEDIA_TYPE])
  return decodeFrames(new Uint8Array(response.rawPayload), WORK_FRAME_MAX_BYTES).map(({ message }) =>
    coordinatorMessageSchema.parse(message)
  )
}

function only<T extends CoordinatorMessage['type']>(answers: CoordinatorMessage[], type: T): MessageOf<T> {
  const found = answers.find((answer): answer is MessageOf<T> => answer.type === type)
  if (found === undefined) throw new Error(`No ${type} in ${JSON.stringify(answers)}`)
  return found
}

async function join(host: TestHost): Promise<string> {
  const { challenge, certificate } = only(await say(host.hello()), 'challenge')
  return only(await say(host.hello({ proof: await host.proof(certificate.root, challenge) })), 'welcome').session
}

const ask = { type: 'ask', id: 5, executor: 'js', units: 4, seconds: 0, knownJobs: [] }

it('does over HTTP what it does over a stream: hello, ask, report', async () => {
  const host = await createTestHost()
  const session = await join(host)
  expect(parts.coordinator.hosts()).toMatchObject([{ host: host.id, connected: true }])
  const signed = await signSpec(await generateKeyPair({ extractable: true }), smallSpec())
  const { id } = await parts.coordinator.submit(signed, false)
  const answers = await say(host.hello({ session }), ask)
  expect(answers.map(({ type }) => type)).toEqual(['welcome', 'work'])
  const [lease] = only(answers, 'work').leases
  if (lease === undefined) throw new Error('no lease')
  const { report, values } = await host.report(lease)
  const acknowledged = await say(host.hello({ session }), [{ type: 'report', id: 6, report }, values])
  expect(only(acknowledged, 'ack').answers.map(({ answer }) => answer)).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
  expect(parts.coordinator.job(id).units.validating).toBe(4)
})

it('delivers with the next answer what a stream would have been told at once', async () => {
  const host = await createTestHost()
  const session = await join(host)
  const signed = await signSpec(await generateKeyPair({ extractable: true }), smallSpec())
  expect(only(await say(host.hello({ session }), ask), 'work').leases).toEqual([])
  const { id } = await parts.coordinator.submit(signed, false)
  expect((await say(host.hello({ session }), ask)).map(({ type }) => type)).toEqual(['welcome', 'work', 'nudge'])
  await parts.coordinator.cancel(id)
  expect(only(await say(host.hello({ session })), 'stop')).toEqual({ type: 'stop', job: id, why: 'job_cancelled' })
})

it('challenges again whoever comes with a session that it does not know, and does nothing else for him', async () => {
  const host = await createTestHost()
  const session = await join(host)
  const thief = await createTestHost()
  for (const hello of [host.hello({ session: 'unknown' }), thief.hello({ session })]) {
    const [first, second] = await say(hello, ask)
    expect([first?.type, second]).toMatchObject(['challenge', { type: 'error', id: 5, code: 'HELLO_REQUIRED' }])
  }
})

it('gives the leases back of a host that has not called for a while', async () => {
  const host = await createTestHost()
  const session = await join(host)
  const { id } = await parts.coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), smallSpec()), false)
  await say(host.hello({ session }), ask)
  parts.clock.advance(SESSION_IDLE_MS - 1)
  await say(host.hello({ session }), { type: 'renew', id: 1, leases: [{ job: id, epoch: 1 }] })
  parts.clock.advance(SESSION_IDLE_MS - 1)
  expect(parts.coordinator.hosts()).toMatchObject([{ connected: true }])
  parts.clock.advance(1)
  expect(parts.coordinator.hosts()).toMatchObject([{ connected: false, unitsHeld: 0 }])
})

it.each([
  ['no frames', new Uint8Array(0), FRAME_MEDIA_TYPE, 400],
  ['a truncated frame', encodeFrame({ type: 'ask' }).subarray(0, 12), FRAME_MEDIA_TYPE, 400],
  ['a length over the limit', new Uint8Array([255, 255, 255, 255]), FRAME_MEDIA_TYPE, 413],
  ['another media type', encodeFrame({ type: 'ask' }), 'application/json', 400],
  ['more than any report needs', new Uint8Array(WORK_FRAME_MAX_BYTES + 100_000), FRAME_MEDIA_TYPE, 413]
])('refuses a body with %s as a problem', async (_what, body, type, status) => {
  const response = await post(body, type)
  expect(response.headers['content-type']).toContain('application/problem+json')
  expect(response.json()).toMatchObject({ status })
})
