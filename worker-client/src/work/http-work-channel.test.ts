import { encodeFrame } from '@peercompute/job-specs/protocol'
import { createFakeClock, until } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '@peercompute/p2p/time'
import type { Identity } from '../identity/identity.ts'
import { startHttpCoordinator, type HttpCoordinator } from '../test-support/http-coordinator.ts'
import { createTestCoordinator, type TestCoordinator } from '../test-support/test-coordinator.ts'
import { TEST_HOST, testIdentity } from '../test-support/test-identity.ts'
import { createHttpWorkChannel, POLL_MS } from './http-work-channel.ts'
import { openWorkSession, type WorkSession } from './work-session.ts'

const ASK = { executor: 'js' as const, units: 4, seconds: 1, knownJobs: [] }
let coordinator: TestCoordinator
let http: HttpCoordinator
let identity: Identity
let nudges: number

beforeEach(async () => {
  coordinator = await createTestCoordinator()
  http = await startHttpCoordinator(coordinator)
  identity = await testIdentity()
  nudges = 0
})
afterEach(() => http[Symbol.asyncDispose]())

function open(): Promise<WorkSession> {
  return openWorkSession({
    channel: createHttpWorkChannel({ coordinator: http.url, fetch: globalThis.fetch }),
    identity,
    host: TEST_HOST,
    pinnedRoot: coordinator.root,
    clock: systemClock,
    onStop: () => undefined,
    onNudge: () => {
      nudges++
    }
  })
}

describe('createHttpWorkChannel', () => {
  it('carries a session: challenge, proof, then requests that name the session', async () => {
    const session = await open()
    await session.ask(ASK)
    expect(http.requests).toEqual([1, 1, 2])
  })

  it('sends together what was asked while a request was under way', async () => {
    const session = await open()
    const answers = await Promise.all([session.ask(ASK), session.ask(ASK), session.ask(ASK)])
    expect(answers).toHaveLength(3)
    const frames = http.requests.slice(2)
    expect(frames.length).toBeLessThan(3)
    expect(frames.reduce((sum, count) => sum + count - 1, 0)).toBe(3)
  })

  it('hands on what the coordinator says unasked', async () => {
    const session = await open()
    http.unasked.push({ type: 'nudge' })
    await session.ask(ASK)
    await until(() => nudges === 1)
  })

  it('asks by itself, while a host has nothing to send, and no longer when it is closed', async () => {
    const clock = createFakeClock()
    const channel = createHttpWorkChannel({ coordinator: http.url, fetch: globalThis.fetch, clock })
    const session = await openWorkSession({
      channel,
      identity,
      host: TEST_HOST,
      pinnedRoot: coordinator.root,
      clock: systemClock,
      onStop: () => undefined,
      onNudge: () => {
        nudges++
      }
    })
    http.unasked.push({ type: 'nudge' })
    await until(() => clock.pending().length === 1)
    expect(nudges).toBe(0)
    clock.advance(POLL_MS)
    await until(() => nudges === 1)
    expect(http.requests).toEqual([1, 1, 1])
    await until(() => clock.pending().length === 1)
    await session.close()
    expect(clock.pending()).toEqual([])
  })

  it('ends the session when the coordinator has forgotten it, so that the host introduces itself again', async () => {
    const session = await open()
    http.forgetSessions()
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    expect((await session.ended).code).toBe('HELLO_REQUIRED')
    await (await open()).ask(ASK)
  })

  it('passes on the problem of a refused request', async () => {
    const session = await open()
    http.override = (_request, response) => {
      response
        .writeHead(429, { 'content-type': 'application/problem+json' })
        .end(JSON.stringify({ code: 'RATE_LIMITED', detail: 'Slowly' }))
      return true
    }
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    expect(await session.ended).toMatchObject({ code: 'RATE_LIMITED', detail: 'Slowly' })
  })

  it.each([
    ['a frame that says it is larger than allowed', Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0), 'FRAME_TOO_LARGE'],
    ['a frame that is cut off', encodeFrame({ type: 'nudge' }).subarray(0, 12), 'FRAME_INVALID'],
    ['a page of HTML', new TextEncoder().encode('<html>'), 'FRAME_TOO_LARGE']
  ])('refuses %s', async (_name, body, code) => {
    const session = await open()
    http.override = (_request, response) => {
      response.writeHead(200).end(body)
      return true
    }
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    expect((await session.ended).code).toBe(code)
  })

  it('ends when the server is gone', async () => {
    const session = await open()
    await http[Symbol.asyncDispose]()
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
  })
})
