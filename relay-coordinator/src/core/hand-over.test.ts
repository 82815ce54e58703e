import { describe, expect, it } from 'vitest'
import { sha256Hex, utf8, type ContentHash, type HostId, type JobId, type Lease } from '@peercompute/job-specs'
import { CoreWorld, only } from '../testing/core-world.ts'
import { smallSpec, u32, type SpecOverrides } from '../testing/fixtures.ts'
import { auditsDue } from './consequences.ts'
import { decideCheckpoint, SAVED_BYTES_MAX } from './decide-checkpoint.ts'
import { decideConnect, decideDisconnect, decideRelease, decideRenew, RETURN_MS } from './decide-lease.ts'
import { dependent } from './independence.ts'
import { connectedHost } from '../testing/fixtures.ts'

const LONG: SpecOverrides = { unitCount: 1, limits: { ...smallSpec().limits, unitSeconds: 600 } }
const STATE = sha256Hex(utf8('a state')) as ContentHash
const right = () => u32(1)
const wrong = () => u32(666)

class Handing extends CoreWorld {
  save(host: HostId, { job, epoch, start }: Lease, bytes = 100, sha256 = STATE): boolean {
    return this.run(decideCheckpoint, { type: 'checkpoint', host, job, epoch, unit: start, sha256, bytes }).kept
  }

  leave(host: HostId, { job, epoch }: Lease): void {
    this.run(decideRelease, { type: 'release', host, job, epoch })
  }

  host(name: string, options: Parameters<typeof connectedHost>[1] = {}): HostId {
    return this.connect(name, { resumes: true, ...options })
  }

  /** The host takes the unit, saves a state of it and is gone. */
  begun(name: string, options?: Parameters<typeof connectedHost>[1]): HostId {
    const saver = this.host(name, options)
    const lease = only(this.ask(saver, 1).leases)
    expect(this.save(saver, lease)).toBe(true)
    this.leave(saver, lease)
    return saver
  }

  settledVotes(job: JobId) {
    return this.events.flatMap((event) => (event.type === 'settled' && event.job === job ? event.votes : []))
  }
}

describe('a saved state', () => {
  it('is kept of long units only, of who holds them, once a minute, and no more than fits', () => {
    const world = new Handing()
    const short = world.submit({ unitCount: 1 })
    const host = world.host('a')
    const lease = only(world.ask(host, 1).leases)
    expect(lease.job).toBe(short)
    expect(world.save(host, lease)).toBe(false)
    world.report(host, lease, right)
    world.submit(LONG)
    const long = only(world.ask(host, 1).leases)
    expect(world.save(world.host('b'), long)).toBe(false)
    expect(world.save(host, long, SAVED_BYTES_MAX)).toBe(false)
    expect(world.save(host, { ...long, epoch: 99 })).toBe(false)
    expect(world.save(host, long)).toBe(true)
    expect(world.save(host, long)).toBe(false)
    world.now += 60_000
    expect(world.save(host, long, 200)).toBe(true)
    expect([...world.state.savedBytes]).toEqual([[host, 200]])
  })

  it('of a unit that takes long is kept although the job declares otherwise', () => {
    const world = new Handing()
    world.submit({ unitCount: 1 })
    const host = world.host('a')
    const lease = only(world.ask(host, 1).leases)
    world.now += 59_000
    expect(world.save(host, lease)).toBe(false)
    world.now += 1_000
    expect(world.save(host, lease)).toBe(true)
  })

  it('is dropped when its unit ends', () => {
    const world = new Handing()
    const job = world.submit({ ...LONG, verification: { quorum: 1 } })
    const host = world.host('a')
    const lease = only(world.ask(host, 1).leases)
    world.save(host, lease)
    world.report(host, lease, right)
    expect(world.job(job).checkpoints.size).toBe(0)
    expect(world.state.savedBytes.size).toBe(0)
  })
})

describe('a hand-over', () => {
  it('goes to the next host, for the same kind of executor and numeric class, when the lease has ended without a result', () => {
    const world = new Handing()
    world.submit(LONG)
    const saver = world.host('a')
    const lease = only(world.ask(saver, 1).leases)
    world.save(saver, lease)
    for (const name of ['x', 'y']) world.host(name)
    expect(only(world.ask(world.host('second'), 1).leases).checkpoint).toBeUndefined()
    world.leave(saver, lease)
    expect(only(world.ask(world.host('next'), 1).leases)).toMatchObject({ count: 1, checkpoint: STATE })
  })

  it.each([
    ['one of another numeric class', { executor: { numericClass: 'other' } }],
    ['one that cannot go on from states', { resumes: false }]
  ])('is not given to %s', (_what, options) => {
    const world = new Handing()
    world.submit({ ...LONG, verification: { quorum: 1 } })
    world.begun('a')
    expect(only(world.ask(world.host('b', options), 1).leases).checkpoint).toBeUndefined()
  })

  it('gives a range before the unit with the state first, and the unit alone then', () => {
    const world = new Handing()
    world.submit({ ...LONG, unitCount: 4, verification: { quorum: 1 } })
    const saver = world.host('a')
    const lease = only(world.ask(saver, 4).leases)
    world.run(decideCheckpoint, { type: 'checkpoint', host: saver, job: lease.job, epoch: lease.epoch, unit: 2, sha256: STATE, bytes: 1 })
    world.leave(saver, lease)
    const next = world.host('b')
    expect(world.ask(next, 4).leases.map(({ start, count, checkpoint }) => [start, count, checkpoint])).toEqual([[0, 2, undefined]])
    expect(world.ask(next, 4).leases.map(({ start, count, checkpoint }) => [start, count, checkpoint])).toEqual([[2, 1, STATE]])
  })

  it('to the host that saved it, which has lost its own copy, makes nobody else responsible', () => {
    const world = new Handing()
    const job = world.submit({ ...LONG, verification: { quorum: 1 } })
    const saver = world.begun('a')
    const lease = only(world.ask(saver, 1).leases)
    expect(lease.checkpoint).toBe(STATE)
    expect(world.job(job).leases.get(lease.epoch)?.holder.resumed).toBeUndefined()
  })
})

describe('the opinion of two', () => {
  it('counts once: neither of them, nor the owner of either, is asked for the second one', () => {
    const world = new Handing()
    const job = world.submit({ ...LONG, verification: { independence: 'owner' } })
    const saver = world.begun('a', { account: 'one' })
    const others = [world.host('other of a', { account: 'one' }), world.host('other of b', { account: 'two' })]
    world.host('c')
    const resumer = world.host('b', { account: 'two' })
    const lease = only(world.ask(resumer, 1).leases)
    expect(lease.checkpoint).toBe(STATE)
    for (const host of [saver, ...others]) expect(world.ask(host, 1).why).toBe('independence_unmet')
    world.report(resumer, lease, right)
    expect(world.job(job).settled.size).toBe(0)
    for (const host of [saver, resumer, ...others]) expect(world.ask(host, 1).leases).toEqual([])
    const third = world.host('third')
    const fresh = only(world.ask(third, 1).leases)
    expect(fresh.checkpoint).toBeUndefined()
    world.report(third, fresh, right)
    expect(world.settledVotes(job).map(({ holder }) => [holder.host, holder.resumed?.map((voice) => voice.host)])).toEqual([
      [resumer, [saver]],
      [third, undefined]
    ])
  })

  it('is not given when there would be nobody left for the others', () => {
    const world = new Handing()
    world.submit(LONG)
    world.begun('a')
    expect(only(world.ask(world.host('b'), 1).leases).checkpoint).toBeUndefined()
  })

  it('leaves the late result of the one who saved the state, or that of the one who went on, not both', () => {
    const world = new Handing()
    const job = world.submit(LONG)
    const saver = world.host('a')
    const lease = only(world.ask(saver, 1).leases)
    world.save(saver, lease)
    world.run(decideDisconnect, { type: 'disconnect', host: saver })
    world.host('c')
    const resumer = world.host('b')
    const resumed = only(world.ask(resumer, 1).leases)
    expect(resumed.checkpoint).toBe(STATE)
    expect(world.report(saver, lease, right)).toEqual([{ unit: 0, answer: 'accepted' }])
    expect(world.report(resumer, resumed, right)).toEqual([{ unit: 0, answer: 'duplicate' }])
    expect(world.job(job).settled.size).toBe(0)
  })

  it('at quorum 2 a forged state does not settle a wrong value, and nobody is suspected for it', () => {
    const world = new Handing()
    const job = world.submit(LONG)
    const liar = world.begun('liar')
    const honest = ['b', 'c', 'd'].map((name) => world.host(name))
    const [resumer = liar, ...fresh] = honest
    const leaseOf = (host: HostId) => world.ask(host, 8).leases.find((each) => each.job === job)
    const resumed = leaseOf(resumer)
    if (resumed === undefined) throw new Error('no lease of the long job')
    expect(resumed.checkpoint).toBe(STATE)
    world.report(resumer, resumed, wrong)
    for (const host of fresh) {
      const each = leaseOf(host)
      if (each === undefined) throw new Error('no fresh lease')
      expect(each.checkpoint).toBeUndefined()
      world.report(host, each, right)
    }
    expect(world.job(job).settled.size).toBe(1)
    const settled = world.events.find((event) => event.type === 'settled')
    expect(settled?.value).toEqual(right())
    expect(settled?.faults).toEqual([
      { holder: expect.objectContaining({ host: resumer }) as unknown, telling: false, accomplices: [] },
      { holder: expect.objectContaining({ host: liar }) as unknown, telling: false, accomplices: [], saved: true }
    ])
    expect(world.state.trust.bans.size).toBe(0)
    for (const { failures } of world.state.trust.reputations.values()) expect(failures).toBe(0)
  })

  it('that lost brings back what the saver had decided alone', () => {
    const world = new Handing()
    const job = world.submit(LONG)
    const saver = world.begun('a')
    const resumer = world.host('b')
    const [c, d] = [world.host('c'), world.host('d')]
    const resumed = only(world.ask(resumer, 1).leases)
    world.report(resumer, resumed, wrong)
    const alone = world.submit({ unitCount: 1, name: 'alone', verification: { quorum: 1 } }, 'somebody')
    const own = world.ask(saver, 8).leases.find((each) => each.job === alone)
    if (own === undefined) throw new Error('no lease of the other job')
    world.report(saver, own, right)
    expect(world.job(alone).settled.size).toBe(1)
    for (const host of [c, d]) world.report(host, only(world.ask(host, 8).leases), right)
    expect(world.job(job).settled.size).toBe(1)
    expect(auditsDue(world.state, world.events)).toEqual([{ job: alone, units: [0] }])
  })

  it('is never believed alone', () => {
    const world = new Handing()
    const job = world.submit({
      ...LONG,
      verification: { policy: 'credibility', errorProbability: 0.3, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 }
    })
    world.draw = 0.99
    world.begun('a')
    const resumer = world.host('b')
    const third = world.host('c')
    world.report(resumer, only(world.ask(resumer, 1).leases), right)
    expect(world.job(job).settled.size).toBe(0)
    world.report(third, only(world.ask(third, 1).leases), right)
    expect(world.job(job).settled.size).toBe(1)
  })

  it('that failed says nothing of either, and the unit begins anew', () => {
    const world = new Handing()
    const job = world.submit({ ...LONG, verification: { quorum: 1 } })
    world.begun('a')
    const resumer = world.host('b')
    world.report(resumer, only(world.ask(resumer, 1).leases), () => null)
    expect(world.job(job).checkpoints.size).toBe(0)
    expect(world.state.hosts.get(resumer)?.failed).toBe(0)
    const again = only(world.ask(resumer, 1).leases)
    expect(again.checkpoint).toBeUndefined()
    world.report(resumer, again, right)
    expect(world.job(job).settled.size).toBe(1)
  })

  it('holders are dependent when any of their voices are', () => {
    const voice = (name: string) => ({ host: name as HostId, account: `${name} account` as never, subnet: name, executor: 'js' as const })
    const both = { ...voice('a'), resumed: [voice('b')] }
    expect(dependent(both, voice('b'), 'executor')).toBe(true)
    expect(dependent(voice('b'), both, 'host')).toBe(true)
    expect(dependent(both, { ...voice('c'), resumed: [voice('b')] }, 'subnet')).toBe(true)
    expect(dependent(both, voice('c'), 'subnet')).toBe(false)
  })
})

describe('a host that goes and comes back', () => {
  const away = (world: Handing, host: HostId) => {
    world.run(decideDisconnect, { type: 'disconnect', host })
  }

  it('finds its lease, when it keeps its states and had worked on it for a while', () => {
    const world = new Handing()
    const job = world.submit({ ...LONG, verification: { quorum: 1 } })
    const host = world.host('a')
    const { epoch } = only(world.ask(host, 1).leases)
    world.now += 6_000
    away(world, host)
    expect(world.ask(world.host('b'), 1).leases).toEqual([])
    world.now += RETURN_MS / 2
    world.run(decideConnect, { type: 'connect', host: connectedHost('a', { resumes: true }) })
    const [renewed] = world.run(decideRenew, { type: 'renew', host, leases: [{ job, epoch }] })
    expect(renewed?.durationMs).toBeGreaterThan(0)
  })

  it('does not find it when it stays away', () => {
    const world = new Handing()
    world.submit({ ...LONG, verification: { quorum: 1 } })
    const host = world.host('a')
    world.ask(host, 1)
    world.now += 6_000
    away(world, host)
    world.pass(RETURN_MS + 1)
    expect(world.ask(world.host('b'), 1).leases).toHaveLength(1)
  })

  it.each([
    ['has just begun', { resumes: true }, 1_000],
    ['keeps no states', { resumes: false }, 60_000]
  ])('that %s is not waited for', (_what, options, worked) => {
    const world = new Handing()
    world.submit({ ...LONG, verification: { quorum: 1 } })
    const host = world.host('a', options)
    world.ask(host, 1)
    world.now += worked
    away(world, host)
    expect(world.ask(world.host('b'), 1).leases).toHaveLength(1)
  })
})
