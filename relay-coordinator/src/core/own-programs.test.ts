import { blobRef, utf8, type Comparison, type HostId, type Lease, type Verdict, type Verification } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { CoreWorld, only } from '../testing/core-world.ts'
import { reportOf, u32 } from '../testing/fixtures.ts'
import { decideControl } from './decide-job.ts'
import { decideReport } from './decide-report.ts'
import { emptyState } from './state.ts'
import { whyJob } from './why.ts'

const common = { independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 } as const
const VERIFIER: Verification = { policy: 'verifier', verify: { kind: 'custom', js: blobRef(utf8('verify')) }, ...common }
const COMPARATOR: Verification = {
  policy: 'quorum',
  quorum: 2,
  ...common,
  comparator: { kind: 'custom', js: blobRef(utf8('agree')) }
}

const PASSED: Verdict = { pass: true, detail: 'The check passed.' }
const REFUSED: Verdict = { pass: false, detail: 'It is not.' }
const FAILED: Verdict = { pass: null, detail: 'verify threw: Error: no idea' }

class JudgedWorld extends CoreWorld {
  judged(host: HostId, lease: Lease, verdict: Verdict, value = 7): readonly string[] {
    const units = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(value) }))
    const verdicts = units.map(() => verdict)
    return this.run(decideReport, { type: 'report', ...reportOf(host, lease, units), verdicts }).map(({ answer }) => answer)
  }

  next(host: HostId, units = 1): Lease {
    return only(this.ask(host, units).leases)
  }
}

describe('verdicts', () => {
  it('settle a unit with one result that passed', () => {
    const world = new JudgedWorld()
    const job = world.job(world.submit({ verification: VERIFIER }))
    const host = world.connect('one')
    expect(world.judged(host, world.next(host, 4), PASSED)).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
    expect(job).toMatchObject({ state: 'completed', executions: 4 })
  })

  it('refuse a result, count it as a failure of the host, and ask others for the unit', () => {
    const world = new JudgedWorld()
    const job = world.job(world.submit({ verification: VERIFIER, unitCount: 1 }))
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const liar = world.connect(name)
      expect(world.judged(liar, world.next(liar), REFUSED)).toEqual(['rejected'])
      expect(world.state.hosts.get(liar)?.failed).toBe(1)
    }
    expect(job).toMatchObject({ state: 'running' })
    expect(job.failures.get('verification_failed')).toMatchObject({ units: 5, message: 'It is not.' })
    const honest = world.connect('honest')
    expect(world.judged(honest, world.next(honest), PASSED)).toEqual(['accepted'])
    expect(job.state).toBe('completed')
  })

  it('that could not be given are not held against the host, and three of them pause the job', () => {
    const world = new JudgedWorld()
    const job = world.job(world.submit({ verification: VERIFIER }))
    const host = world.connect('one')
    expect(world.judged(host, world.next(host), FAILED)).toEqual(['accepted'])
    expect(world.judged(host, world.next(host), FAILED)).toEqual(['accepted'])
    expect(job.state).toBe('running')
    world.judged(host, world.next(host), FAILED)
    expect(job).toMatchObject({ state: 'paused', stateWhy: 'verifier_failing' })
    expect(job.failures.get('verifier_failed')).toMatchObject({ units: 3, message: 'verify threw: Error: no idea' })
    expect(world.state.hosts.get(host)).toMatchObject({ failed: 0, rejected: 0 })
    expect(whyJob(world.state, job).code).toBe('verifier_failing')
    // Nothing is lost: after it has been resumed the units are handed out again, to the same host as well.
    world.run(decideControl, { type: 'resume', job: job.id })
    expect(world.ask(host, 4).leases.length).toBeGreaterThan(0)
  })

  it('on two results that disagree pause the job, and whoever resumes it lets further results decide', () => {
    const world = new JudgedWorld()
    const job = world.job(world.submit({ verification: VERIFIER, unitCount: 1 }))
    const [first, second, third] = ['a', 'b', 'c'].map((name) => world.connect(name))
    if (first === undefined || second === undefined || third === undefined) throw new Error('three hosts')
    const lease = world.next(first)
    // Drawn for an audit: one passed result is not enough.
    world.draw = 0
    world.judged(first, lease, PASSED)
    world.draw = 0.5
    expect(job).toMatchObject({ state: 'running', validating: 1 })
    world.judged(second, world.next(second), PASSED, 8)
    expect(job).toMatchObject({ state: 'paused', stateWhy: 'verifier_doubted' })
    world.run(decideControl, { type: 'resume', job: job.id })
    world.judged(third, world.next(third), PASSED, 8)
    expect(job.state).toBe('completed')
  })
})

describe('a comparator of the job that fails', () => {
  it('pauses it, and nothing is settled', () => {
    const failed: Comparison = { agree: false, metric: 1, bound: 0, detail: 'agree threw', failed: true }
    const world = new JudgedWorld(emptyState(() => failed))
    const job = world.job(world.submit({ verification: COMPARATOR, unitCount: 1 }))
    for (const [name, value] of [
      ['a', 1],
      ['b', 2]
    ] as const) {
      const host = world.connect(name)
      world.report(host, world.next(host), () => u32(value))
    }
    expect(job).toMatchObject({ state: 'paused', stateWhy: 'comparator_failing', validating: 1 })
    expect(job.settled.size).toBe(0)
  })
})
