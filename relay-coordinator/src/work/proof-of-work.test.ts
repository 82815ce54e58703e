import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateKeyPair, signSpec, type HostId } from '@peercompute/job-specs'
import { searchProofOfWork, solvesProofOfWork, type CoordinatorMessage, type Frame } from '@peercompute/job-specs/protocol'
import { createMetrics } from '../metrics/metrics.ts'
import { createChannelPair } from '../testing/channel-pair.ts'
import { keyNamed, smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { converse, createTestHost, type Conversation, type MessageOf, type TestHost } from '../testing/test-host.ts'
import { createWorkServer, type WorkServer } from './work-server.ts'

const BITS = 8
const SUBNET = '192.0.2.0/24'
const ABLE = { capabilities: ['cancel', 'renew', 'proof-of-work'] }
const ASK = { type: 'ask', id: 7, executor: 'js', units: 1, seconds: 0, knownJobs: [] }
let parts: TestApp
let work: WorkServer

beforeEach(async () => {
  parts = await createTestApp({}, () => true)
  const { coordinator, keys, clock } = parts
  const metrics = createMetrics(coordinator)
  work = createWorkServer({ coordinator, keys, clock, metrics, proofOfWorkBits: BITS, onFault: (error) => parts.faults.push(error) })
  await coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), smallSpec({ unitCount: 100 })), false)
})
afterEach(async () => {
  await work.close()
  await parts[Symbol.asyncDispose]()
})

async function join(host: TestHost, able: object = ABLE): Promise<{ talk: Conversation; welcome: MessageOf<'welcome'> }> {
  const pair = createChannelPair()
  void work.serve(pair.coordinator, SUBNET)
  const talk = converse(pair.host)
  const { challenge, certificate } = await talk.ask(host.hello(able), 'challenge')
  return { talk, welcome: await talk.ask(host.hello({ ...able, proof: await host.proof(certificate.root, challenge) }), 'welcome') }
}

function solve({ proofOfWork }: MessageOf<'welcome'>, host: HostId): number {
  const nonce = proofOfWork && searchProofOfWork(proofOfWork, host)(2 ** 20)
  if (nonce === undefined || nonce === null) throw new Error('The welcome carries a task that can be solved')
  return nonce
}

/** The first nonce that does not solve it. */
function wrongFor({ proofOfWork }: MessageOf<'welcome'>, host: HostId): number {
  let nonce = 0
  while (proofOfWork !== undefined && solvesProofOfWork(proofOfWork, host, nonce)) nonce++
  return nonce
}

describe('a task', () => {
  it('is solved by few of many nonces, as many as its bits say, and by others for another host or challenge', () => {
    const task = { challenge: 'A'.repeat(22), bits: 6 }
    const host = keyNamed('host') as HostId
    const solutions = Array.from({ length: 6_400 }, (_, nonce) => nonce).filter((nonce) => solvesProofOfWork(task, host, nonce))
    expect(solutions.length).toBeGreaterThan(60)
    expect(solutions.length).toBeLessThan(150)
    expect(searchProofOfWork(task, host)(6_400)).toBe(solutions[0])
    const stillHold = (change: Partial<typeof task>, by = host): number =>
      solutions.filter((nonce) => solvesProofOfWork({ ...task, ...change }, by, nonce)).length
    expect(stillHold({ challenge: 'B'.repeat(22) })).toBeLessThan(15)
    expect(stillHold({}, keyNamed('other') as HostId)).toBeLessThan(15)
    expect(stillHold({ bits: 5 })).toBe(solutions.length)
  })

  it('that is not solved at once is gone on with', () => {
    const task = { challenge: 'C'.repeat(22), bits: 10 }
    const host = keyNamed('host') as HostId
    const whole = searchProofOfWork(task, host)(100_000)
    const search = searchProofOfWork(task, host)
    let part: number | null = null
    for (let turn = 0; part === null && turn < 100_000; turn++) part = search(7)
    expect(part).toBe(whole)
  })
})

describe('over a stream', () => {
  it('a new host that brings the proof is given work, and is not asked again', async () => {
    const host = await createTestHost()
    const { talk, welcome } = await join(host)
    expect(welcome.proofOfWork).toMatchObject({ bits: BITS })
    const proofOfWork = solve(welcome, host.id)
    expect((await talk.ask({ ...ASK, proofOfWork }, 'work')).leases).toHaveLength(1)
    expect((await talk.ask(ASK, 'work')).why).toBeUndefined()
    expect((await join(host)).welcome.proofOfWork).toBeUndefined()
  })

  it.each([
    ['none', () => ({})],
    ['a wrong one', (welcome: MessageOf<'welcome'>, host: HostId) => ({ proofOfWork: wrongFor(welcome, host) })]
  ])('with %s it is refused and the stream ends', async (_what, proof) => {
    const host = await createTestHost()
    const { talk, welcome } = await join(host)
    expect(await talk.ask({ ...ASK, ...proof(welcome, host.id) }, 'error')).toMatchObject({ id: 7, code: 'PROOF_OF_WORK_REQUIRED' })
    await expect(talk.next('work')).rejects.toThrow('ended')
    expect(parts.coordinator.hosts()).toMatchObject([{ unitsHeld: 0 }])
  })

  it('a program that does not know of it is refused in words, not with a message that it cannot read', async () => {
    const host = await createTestHost()
    const { talk, welcome } = await join(host, {})
    expect(welcome).not.toHaveProperty('proofOfWork')
    expect(await talk.ask(ASK, 'error')).toMatchObject({ code: 'PROOF_OF_WORK_REQUIRED' })
  })
})

it('over HTTP the task stays the same from request to request until it is solved', async () => {
  const host = await createTestHost()
  const say = async (...messages: object[]): Promise<readonly CoordinatorMessage[]> =>
    work.handleFrames(
      messages.map((message): Frame => ({ message, attachment: new Uint8Array() })),
      SUBNET
    )
  const of = <T extends CoordinatorMessage['type']>(answers: readonly CoordinatorMessage[], type: T): MessageOf<T> => {
    const found = answers.find((answer): answer is MessageOf<T> => answer.type === type)
    if (found === undefined) throw new Error(`No ${type} in ${JSON.stringify(answers)}`)
    return found
  }
  const { challenge, certificate } = of(await say(host.hello(ABLE)), 'challenge')
  const proof = await host.proof(certificate.root, challenge)
  const welcome = of(await say(host.hello({ ...ABLE, proof })), 'welcome')
  const hello = host.hello({ ...ABLE, session: welcome.session })
  expect(of(await say(hello, ASK), 'error')).toMatchObject({ code: 'PROOF_OF_WORK_REQUIRED' })
  expect(of(await say(hello), 'welcome').proofOfWork).toEqual(welcome.proofOfWork)
  expect(of(await say(hello, { ...ASK, proofOfWork: solve(welcome, host.id) }), 'work').leases).toHaveLength(1)
  expect(of(await say(hello), 'welcome').proofOfWork).toBeUndefined()
})
