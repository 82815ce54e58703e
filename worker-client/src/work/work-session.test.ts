import { generateKeyPair, certifyCoordinator, type JobId, type ReasonCode } from '@peercompute/job-specs'
import { solvesProofOfWork } from '@peercompute/job-specs/protocol'
import { createFakeClock, until, type FakeClock } from '@peercompute/p2p/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { createTestCoordinator, type TestCoordinator } from '../test-support/test-coordinator.ts'
import { TEST_HOST, testIdentity } from '../test-support/test-identity.ts'
import { testJob } from '../test-support/test-job.ts'
import type { Identity } from '../identity/identity.ts'
import { openWorkSession, REQUEST_TIMEOUT_MS, type WorkSessionInit } from './work-session.ts'

const ASK = { executor: 'js' as const, units: 4, seconds: 1, knownJobs: [] }
let coordinator: TestCoordinator
let identity: Identity
let clock: FakeClock
let stops: { job: JobId; why: ReasonCode }[]
let nudges: number

beforeEach(async () => {
  coordinator = await createTestCoordinator()
  identity = await testIdentity()
  clock = createFakeClock()
  stops = []
  nudges = 0
})

function open(changes: Partial<WorkSessionInit> = {}) {
  return openWorkSession({
    channel: coordinator.connect(),
    identity,
    host: TEST_HOST,
    pinnedRoot: coordinator.root,
    clock,
    onStop: (job, why) => {
      stops.push({ job, why })
    },
    onNudge: () => {
      nudges++
    },
    ...changes
  })
}

describe('openWorkSession', () => {
  it('introduces the host with a proof that the coordinator accepts', async () => {
    const session = await open()
    expect(session.operational).toBe(coordinator.certificate.operational)
    expect([...session.capabilities]).toEqual(['renew', 'cancel'])
    expect(coordinator.heardOf('hello').map(({ proof }) => proof !== undefined)).toEqual([false, true])
  })

  it('refuses a coordinator whose root is not the pinned one, and tells it nothing signed', async () => {
    const stranger = await createTestCoordinator()
    await expect(open({ channel: stranger.connect() })).rejects.toMatchObject({ code: 'COORDINATOR_UNTRUSTED' })
    expect(stranger.heardOf('hello')).toHaveLength(1)
  })

  it('refuses a certificate that names the pinned root but is signed by another key', async () => {
    const forger = await generateKeyPair({ extractable: true })
    const forged = { ...(await certifyCoordinator(forger, forger.publicKey, 1, 1)), root: coordinator.root }
    coordinator.intercept = (message) => ({
      type: 'challenge',
      id: 'id' in message ? message.id : 0,
      challenge: 'A'.repeat(22),
      certificate: forged
    })
    await expect(open()).rejects.toMatchObject({ code: 'COORDINATOR_UNTRUSTED' })
  })

  it('gives up on a coordinator that does not answer the hello', async () => {
    coordinator.intercept = () => null
    const opening = open()
    opening.catch(() => undefined)
    await until(() => coordinator.heard.length === 1)
    clock.advance(5_000)
    await expect(opening).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('passes on why the coordinator refuses the host', async () => {
    coordinator.intercept = (message) => ({
      type: 'error',
      id: 'id' in message ? message.id : 0,
      code: 'PROTOCOL_UNSUPPORTED',
      detail: 'Reload'
    })
    await expect(open()).rejects.toMatchObject({ code: 'PROTOCOL_UNSUPPORTED' })
  })
})

describe('an open session', () => {
  it('matches answers to requests by id, in whatever order they come', async () => {
    const session = await open()
    const held: number[] = []
    coordinator.intercept = (message) => {
      if (message.type !== 'ask') return undefined
      held.push(message.id)
      return null
    }
    const [first, second] = [session.ask(ASK), session.ask({ ...ASK, units: 9 })]
    await until(() => held.length === 2)
    for (const id of held.toReversed()) coordinator.push({ type: 'work', id, leases: [], jobs: [], retryAfterMs: id })
    expect([(await first).retryAfterMs, (await second).retryAfterMs]).toEqual(held)
  })

  it('hands on what comes unasked', async () => {
    await open()
    const { id } = await testJob(identity.host)
    coordinator.push({ type: 'stop', job: id, why: 'job_cancelled' })
    coordinator.push({ type: 'nudge' })
    await until(() => nudges === 1)
    expect(stops).toEqual([{ job: id, why: 'job_cancelled' }])
  })

  it('rejects with the code of an error answer and stays open', async () => {
    const session = await open()
    coordinator.intercept = (message) =>
      message.type === 'ask' ? { type: 'error', id: message.id, code: 'RATE_LIMITED', detail: 'Slowly' } : undefined
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    coordinator.intercept = null
    expect((await session.ask(ASK)).leases).toEqual([])
  })

  it.each([
    ['an answer to a question never asked', { type: 'released' as const, id: 4_000 }],
    ['an answer of the wrong kind', { type: 'released' as const, id: 2 }]
  ])('ends on %s', async (_name, answer) => {
    const session = await open()
    coordinator.intercept = (message) => (message.type === 'ask' ? answer : undefined)
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    expect((await session.ended).code).toBe('FRAME_INVALID')
  })

  it('ends on a message that the protocol does not know', async () => {
    const session = await open()
    const [connection] = coordinator.connections
    await connection?.send({ type: 'run', code: 'alert(1)' })
    expect((await session.ended).code).toBe('FRAME_INVALID')
  })

  it('rejects what is under way when the connection breaks', async () => {
    const session = await open()
    coordinator.intercept = () => null
    const asking = session.ask(ASK)
    coordinator.connections[0]?.break()
    await expect(asking).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
  })

  it('takes silence for a lost connection', async () => {
    const session = await open()
    coordinator.intercept = () => null
    const asking = session.ask(ASK)
    asking.catch(() => undefined)
    clock.advance(REQUEST_TIMEOUT_MS)
    await expect(asking).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    expect((await session.ended).code).toBe('TIMEOUT')
  })

  it('leaves no timer behind for answered requests', async () => {
    const session = await open()
    await session.ask(ASK)
    await session.ask(ASK)
    expect(clock.pending()).toEqual([])
  })

  it('pays with its first ask when the welcome wants it, and only then', async () => {
    const task = { challenge: 'A'.repeat(22), bits: 6 }
    coordinator.intercept = (message) =>
      message.type === 'hello' && message.proof !== undefined
        ? { type: 'welcome', id: message.id, version: 1, capabilities: [], session: '', proofOfWork: task }
        : undefined
    const session = await open()
    await Promise.all([session.ask(ASK), session.ask(ASK)])
    await session.ask(ASK)
    const paid = coordinator.heardOf('ask').map(({ proofOfWork }) => proofOfWork)
    expect(paid).toHaveLength(3)
    for (const nonce of paid.slice(0, 2))
      expect(nonce !== undefined && solvesProofOfWork(task, identity.certificate.host, nonce)).toBe(true)
    expect(paid[2]).toBeUndefined()
  })

  it('introduces itself anew when the coordinator no longer knows the task', async () => {
    const session = await open()
    coordinator.intercept = (message) =>
      message.type === 'ask' ? { type: 'error', id: message.id, code: 'PROOF_OF_WORK_REQUIRED', detail: '' } : undefined
    await expect(session.ask(ASK)).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    expect((await session.ended).code).toBe('PROOF_OF_WORK_REQUIRED')
  })
})
