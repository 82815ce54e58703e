import { AGREEMENT_BINS, jobTrustSchema, unitReplicasSchema } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { replicaText, trustLines } from './trust.ts'

const HOST = 'A'.repeat(43)
const JOB = '0'.repeat(64)
const trust = jobTrustSchema.parse({
  job: JOB,
  sentence: 'A unit is validated when 2 results from different computers agree.',
  verification: {
    policy: 'quorum',
    quorum: 2,
    independence: 'host',
    comparator: { kind: 'tolerance', absolute: 0, relative: 0.1 },
    maxResults: 8
  },
  independence: 'host',
  executionsPerUnit: 2.031,
  settled: 100_000,
  counted: 2_048,
  errorProbability: { mean: 0.000_237, worst: 0.1 },
  checkedTwice: 2_048,
  votes: { canonical: 2_048, agrees: 2_050, rejected: 3 },
  hosts: 5,
  accounts: 4,
  numericClasses: 2,
  histogram: {
    identical: 2_000,
    bins: Array.from({ length: AGREEMENT_BINS }, (_, bin) => ({ agreeing: bin === 3 ? 50 : 0, rejected: 0 })),
    incomparable: 3
  },
  reopened: 0,
  inconclusive: [
    { unit: 7, at: 0, results: 8, values: 8, leading: 1, nearest: { metric: 2, bound: 1 }, farthest: { metric: 90, bound: 1 } }
  ],
  suspects: 0.05
})

describe('a job’s trust at a terminal', () => {
  it('has a line for each figure, and says what was counted', () => {
    const lines = new Map(trustLines(trust).map(([name, value]) => [name, value.replaceAll('\u202f', ' ')]))
    expect(lines.get('cost')).toBe('2.03 executions a settled unit')
    expect(lines.get('error')).toBe('1 in 4 200 values expected to be wrong; the least certain one: 1 in 10')
    expect(lines.get('counted')).toBe('2 048 of 100 000 settled units')
    expect(lines.get('distances')).toBe('2 000 identical, 50 within the bound, 3 beyond it')
    expect(lines.get('inconclusive')).toBe(
      'unit 7: 8 results, 8 different; from the leading one: 2 times what is permitted … 90 times what is permitted'
    )
    expect(lines.has('reopened')).toBe(false)
  })

  it('tells nothing of the value of an open unit', () => {
    const open = unitReplicasSchema.parse({ job: JOB, unit: 3, state: 'open', value: null, replicas: [], sealed: 1 })
    expect(replicaText(open)).toBe('Unit 3 is not settled; 1 result is there, sealed until then.\n')
  })

  it('sets the results of a unit side by side', () => {
    const replica = {
      host: HOST,
      account: HOST,
      executor: 'js',
      numericClass: 'js\u001b[31m',
      probeVersion: 1,
      digest: JOB,
      bound: 1,
      seconds: 1.5
    }
    const unit = unitReplicasSchema.parse({
      job: JOB,
      unit: 3,
      state: 'settled',
      value: { digest: JOB, outputs: { count: [12, 'NaN'] }, settledAt: 0, errorProbability: 0.05 },
      replicas: [
        { ...replica, verdict: 'canonical', metric: 0, difference: 'the value that is kept' },
        { ...replica, verdict: 'rejected', metric: 3, difference: '3 times what is permitted' }
      ],
      sealed: 0
    })
    const text = replicaText(unit)
    expect(text).toMatch(/AAAAAAAA +js +.*00000000 +3 times what is permitted +1\.50 s +rejected/)
    expect(text).toContain('count = 12 NaN\n')
    // What a host calls itself cannot colour the terminal.
    expect(text).not.toContain('\u001b')
  })
})
