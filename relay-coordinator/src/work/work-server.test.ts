import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateKeyPair, signReport, signSpec, type JobId, type SignedSpec } from '@peercompute/job-specs'
import { encodeFrame, HELLO_TIMEOUT_MS, verifyAdmission, WORK_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { until } from '@peercompute/p2p/testing'
import { createChannelPair, type TestChannel } from '../testing/channel-pair.ts'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { converse, createTestHost, introduce, type Conversation, type TestHost } from '../testing/test-host.ts'
import { REQUESTS_BURST, REQUESTS_PER_SECOND } from './work-streams.ts'

const SUBNET = '192.0.2.0/24'
let parts: TestApp

beforeEach(async () => {
  parts = await createTestApp({}, () => true)
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

function connect(subnet = SUBNET): { channel: TestChannel; talk: Conversation; served: Promise<void> } {
  const { host, coordinator } = createChannelPair()
  const served = parts.work.serve(coordinator, subnet)
  return { channel: host, talk: converse(host), served }
}

async function join(host: TestHost, subnet = SUBNET): Promise<ReturnType<typeof connect>> {
  const connection = connect(subnet)
  await introduce(connection.talk, host)
  return connection
}

async function publish(unitCount = 4): Promise<{ id: JobId; signed: SignedSpec }> {
  const signed = await signSpec(await generateKeyPair({ extractable: true }), smallSpec({ unitCount }))
  return { id: (await parts.coordinator.submit(signed, false)).id, signed }
}

function lengthPrefix(bytes: number): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, bytes)
  return out
}

const ask = (units = 4, id = 7) => ({ type: 'ask', id, executor: 'js', units, seconds: 0, knownJobs: [] })

describe('introduction', () => {
  it('challenges a host, welcomes it with the common version, and offers only what it can do', async () => {
    const host = await createTestHost()
    const { talk } = connect()
    expect(await introduce(talk, host)).toMatchObject({ id: 2, version: 1, capabilities: ['cancel', 'renew'] })
    expect(parts.coordinator.hosts()).toMatchObject([{ host: host.id, connected: true, agent: 'test/1' }])
  })

  it.each([
    [
      'an answer to a challenge that was never given',
      async (host: TestHost, root: string) => host.hello({ proof: await host.proof(root, 'A'.repeat(22)) })
    ],
    [
      'a signature for another coordinator',
      async (host: TestHost, _root: string, challenge: string) => host.hello({ proof: await host.proof('B'.repeat(43), challenge) })
    ],
    [
      'a certificate that its account did not sign',
      async (host: TestHost, root: string, challenge: string) =>
        host.hello({ certificate: { ...host.certificate, label: 'changed' }, proof: await host.proof(root, challenge) })
    ],
    [
      'the proof of another host',
      async (host: TestHost, root: string, challenge: string) =>
        host.hello({ proof: await (await createTestHost()).proof(root, challenge) })
    ]
  ])('refuses %s and closes', async (_what, make) => {
    const host = await createTestHost()
    const { talk, channel, served } = connect()
    const { challenge, certificate } = await talk.ask(host.hello(), 'challenge')
    expect(await talk.ask(await make(host, certificate.root, challenge), 'error')).toMatchObject({ code: 'HELLO_INVALID' })
    await served
    expect(channel.closed).toBe(true)
    expect(parts.coordinator.hosts()).toEqual([])
  })

  it('takes a challenge once only', async () => {
    const host = await createTestHost()
    const first = connect()
    const { challenge, certificate } = await first.talk.ask(host.hello(), 'challenge')
    const hello = host.hello({ proof: await host.proof(certificate.root, challenge) })
    await first.talk.ask(hello, 'welcome')
    expect(await connect().talk.ask(hello, 'error')).toMatchObject({ code: 'HELLO_INVALID' })
  })

  it('names the versions when there is no common one, even in a hello that it cannot read', async () => {
    const host = await createTestHost()
    expect(await connect().talk.ask({ ...host.hello({ minVersion: 2, maxVersion: 3 }), somethingNew: true }, 'error')).toMatchObject({
      id: 1,
      code: 'PROTOCOL_UNSUPPORTED'
    })
  })

  it('does nothing for a host that has not introduced itself, and does not wait for it for ever', async () => {
    expect(await connect().talk.ask(ask(), 'error')).toMatchObject({ id: 7, code: 'HELLO_REQUIRED' })
    const silent = connect()
    parts.clock.advance(HELLO_TIMEOUT_MS)
    expect(await silent.talk.next('error')).toMatchObject({ code: 'HELLO_REQUIRED' })
    await silent.served
  })
})

describe('work', () => {
  it('leases units with the signed job and its admission, and takes the report', async () => {
    const { id, signed } = await publish()
    const host = await createTestHost()
    const { talk } = await join(host)
    const work = await talk.ask(ask(), 'work')
    expect(work.leases).toMatchObject([{ job: id, start: 0, count: 4, executor: 'js' }])
    const [job] = work.jobs
    expect(job).toMatchObject({ job: id, signed, admittedBy: parts.keys.operational.publicKey })
    expect(await verifyAdmission(parts.keys.operational.publicKey, id, job?.admission ?? '')).toBe(true)
    expect((await talk.ask({ ...ask(), knownJobs: [id] }, 'work')).jobs).toEqual([])

    const [lease] = work.leases
    if (lease === undefined) throw new Error('no lease')
    const { report, values } = await host.report(lease)
    const answers = [0, 1, 2, 3].map((unit) => ({ unit, answer: 'accepted' }))
    expect(await talk.ask({ type: 'report', id: 9, report }, 'ack', values)).toEqual({ type: 'ack', id: 9, answers })
    const again = await talk.ask({ type: 'report', id: 10, report }, 'ack', values)
    expect(again.answers.map(({ answer }) => answer)).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate'])
  })

  it('settles a unit when a second host agrees, and pays both', async () => {
    const { id } = await publish()
    for (const subnet of ['192.0.2.0/24', '198.51.100.0/24']) {
      const host = await createTestHost()
      const { talk } = await join(host, subnet)
      const [lease] = (await talk.ask(ask(), 'work')).leases
      if (lease === undefined) throw new Error('no lease')
      const { report, values } = await host.report(lease)
      await talk.ask({ type: 'report', id: 9, report }, 'ack', values)
    }
    expect(parts.coordinator.job(id)).toMatchObject({ state: 'completed', reduced: { kind: 'sum', sum: '6' } })
    expect(parts.coordinator.hosts().map((host) => host.validated)).toEqual([4, 4])
  })

  it('renews and takes back leases', async () => {
    const { id } = await publish()
    const { talk } = await join(await createTestHost())
    const [lease] = (await talk.ask(ask(), 'work')).leases
    const epoch = lease?.epoch ?? 0
    expect((await talk.ask({ type: 'renew', id: 3, leases: [{ job: id, epoch }] }, 'renewed')).leases).toMatchObject([{ job: id, epoch }])
    await talk.ask({ type: 'release', id: 4, job: id, epoch }, 'released')
    expect(parts.coordinator.job(id).units).toMatchObject({ waiting: 4, inProgress: 0 })
  })

  it('refuses a report with a signature that does not hold, of another host, or with the wrong number of bytes', async () => {
    const { id } = await publish()
    const host = await createTestHost()
    const other = await createTestHost()
    const { talk } = await join(host)
    const [lease] = (await talk.ask(ask(), 'work')).leases
    if (lease === undefined) throw new Error('no lease')
    const { report, values } = await host.report(lease)
    expect(await talk.ask({ type: 'report', id: 5, report: { ...report, ts: 1 } }, 'error', values)).toMatchObject({
      id: 5,
      code: 'REQUEST_INVALID'
    })
    const { sig: _sig, ...body } = report
    const stolen = await signReport(other.keys, { ...body, host: other.id })
    expect(await talk.ask({ type: 'report', id: 6, report: stolen }, 'error', values)).toMatchObject({ id: 6, code: 'REQUEST_INVALID' })
    expect(await talk.ask({ type: 'report', id: 7, report }, 'error', values.subarray(1))).toMatchObject({ id: 7, code: 'FRAME_INVALID' })
    expect(parts.coordinator.job(id).units.validating).toBe(0)
  })

  it('answers a report for units that the host does not hold as such', async () => {
    const { id } = await publish()
    const host = await createTestHost()
    const { talk } = await join(host)
    const { report, values } = await host.report({ job: id, start: 0, count: 1, epoch: 99, executor: 'js', deadline: 0, durationMs: 1 })
    expect((await talk.ask({ type: 'report', id: 5, report }, 'ack', values)).answers).toEqual([{ unit: 0, answer: 'not_held' }])
  })
})

describe('unasked messages', () => {
  it('nudges an idle host when a job is published', async () => {
    const { talk } = await join(await createTestHost())
    expect((await talk.ask(ask(), 'work')).leases).toEqual([])
    await publish()
    await talk.next('nudge')
    expect((await talk.ask(ask(), 'work')).leases).toHaveLength(1)
  })

  it('nudges a host that held as much as it may, when it has reported', async () => {
    await publish(100)
    const host = await createTestHost()
    const { talk } = await join(host)
    const held = [...(await talk.ask(ask(1), 'work')).leases, ...(await talk.ask(ask(1), 'work')).leases]
    const [lease] = held
    if (lease === undefined) throw new Error('no lease')
    expect(await talk.ask(ask(1), 'work')).toMatchObject({ leases: [], why: 'lease_limit' })
    const { report, values } = await host.report(lease)
    await talk.ask({ type: 'report', id: 9, report }, 'ack', values)
    await talk.next('nudge')
    expect((await talk.ask(ask(1), 'work')).leases).toHaveLength(1)
  })

  it('stops the hosts that compute a job which was cancelled', async () => {
    const { id } = await publish()
    const { talk } = await join(await createTestHost())
    await talk.ask(ask(), 'work')
    await parts.coordinator.cancel(id)
    expect(await talk.next('stop')).toEqual({ type: 'stop', job: id, why: 'job_cancelled' })
  })

  it('stops the hosts that compute a job which was paused', async () => {
    const { id } = await publish()
    const { talk } = await join(await createTestHost())
    await talk.ask(ask(), 'work')
    await parts.coordinator.pause(id)
    expect(await talk.next('stop')).toEqual({ type: 'stop', job: id, why: 'job_paused' })
  })
})

describe('hosts that go and hosts that misbehave', () => {
  it('gives the leases of a host back when it disconnects in the middle of a unit', async () => {
    const { id } = await publish()
    const { talk, channel, served } = await join(await createTestHost())
    await talk.ask(ask(), 'work')
    expect(parts.coordinator.job(id).units.inProgress).toBe(4)
    await channel.close()
    await served
    expect(parts.coordinator.job(id).units).toMatchObject({ waiting: 4, inProgress: 0 })
    expect(parts.coordinator.hosts()).toMatchObject([{ connected: false }])
  })

  it('lets a second connection of the same host take over without losing its leases', async () => {
    const { id } = await publish()
    const host = await createTestHost()
    const first = await join(host)
    await first.talk.ask(ask(), 'work')
    await join(host)
    await first.served
    expect(first.channel.closed).toBe(true)
    expect(parts.coordinator.hosts()).toMatchObject([{ connected: true }])
    expect(parts.coordinator.job(id).units.inProgress).toBe(4)
  })

  it('answers a message that it does not know with an error and closes', async () => {
    const { talk, channel, served } = await join(await createTestHost())
    channel.sendBytes(encodeFrame({ type: 'nonsense', id: 3 }))
    expect(await talk.next('error')).toMatchObject({ id: 3, code: 'FRAME_INVALID' })
    await served
    expect(channel.closed).toBe(true)
  })

  it.each([
    ['a frame that is no JSON', new Uint8Array([0, 0, 0, 6, 0, 0, 0, 2, 255, 255])],
    ['a frame over the limit', lengthPrefix(WORK_FRAME_MAX_BYTES + 1)]
  ])('gives up on %s, and on the host that sent it', async (_what, bytes) => {
    const { channel, served } = await join(await createTestHost())
    channel.sendBytes(bytes)
    await served
    expect(channel.closed).toBe(true)
    expect(parts.coordinator.hosts()).toMatchObject([{ connected: false }])
  })

  it('answers all that a host asks too fast, at the pace that it may have', async () => {
    const { channel, talk } = await join(await createTestHost())
    const extra = 60
    const hellos = 2
    const start = parts.clock.now()
    let answered = 0
    const reading = (async () => {
      for (; answered < REQUESTS_BURST + extra; answered++) await talk.next('work')
    })()
    for (let id = 0; id < REQUESTS_BURST + extra; id++) void channel.send(ask(1, id))
    await until(() => answered === REQUESTS_BURST - hellos, 'the burst to be answered')
    while (answered < REQUESTS_BURST + extra) {
      const before = answered
      parts.clock.advance(20)
      await until(() => answered >= Math.min(before + 4, REQUESTS_BURST + extra), 'four more, 20 ms later')
    }
    await reading
    expect(parts.clock.now() - start).toBeGreaterThanOrEqual(((extra + hellos) / REQUESTS_PER_SECOND) * 1_000)
    expect(channel.closed).toBe(false)
  })

  it('decides what a host asks for after what it reported before', async () => {
    const { id } = await publish()
    const host = await createTestHost()
    const { channel, talk } = await join(host)
    const [lease] = (await talk.ask(ask(), 'work')).leases
    if (lease === undefined) throw new Error('no lease')
    const { report, values } = await host.report(lease)
    void channel.send({ type: 'report', id: 9, report }, values)
    void channel.send({ type: 'release', id: 10, job: lease.job, epoch: lease.epoch })
    await until(() => parts.coordinator.job(id).units.validating === 4, 'the results to count')
  })

  it('tells no host about an error inside, and remembers it for the log', async () => {
    const host = await createTestHost()
    const { talk } = await join(host)
    await parts.coordinator.close()
    Object.assign(parts.coordinator, { ask: () => Promise.reject(new Error('secret')) })
    const answer = await talk.ask(ask(), 'error')
    expect(answer.code).toBe('INTERNAL')
    expect(answer.detail).not.toContain('secret')
    expect(parts.faults).toHaveLength(1)
  })
})
