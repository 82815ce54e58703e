/** The judge is judged: a right run has nothing against it, and each promise broken on purpose is found. */
import type { ReportAnswer } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { checkHistory } from '../harness/faults/check-history.ts'
import type { Evidence, JobEvidence } from '../harness/faults/evidence.ts'
import type { Call, Operation, Outcome } from '../harness/faults/history.ts'
import { promises, type BrokenPromise } from '../harness/faults/violation.ts'
import { ACCOUNTS, HOSTS, JOB, OTHER_DIGEST, rightRun, type Run } from '../harness/faults/right-run.ts'

interface Seeded {
  readonly promise: BrokenPromise
  readonly what: string
  readonly change: (run: Run) => Run
}

const withJob = (run: Run, change: (job: JobEvidence) => Partial<JobEvidence>): Run => {
  const job = run.evidence.jobs.get(JOB)
  if (job === undefined) throw new Error('The run has no job')
  return withEvidence(run, { jobs: new Map([[JOB, { ...job, ...change(job) }]]) })
}
const withEvidence = (run: Run, change: Partial<Evidence>): Run => ({ ...run, evidence: { ...run.evidence, ...change } })
const withOperation = (run: Run, { call, outcome }: Pick<Operation, 'call' | 'outcome'>): Run => ({
  ...run,
  history: [...run.history, { client: 'seeded', invokedAt: 9, endedAt: 9, call, outcome }]
})
const withDetail = (run: Run, change: Partial<JobEvidence['detail']>): Run =>
  withJob(run, ({ detail }) => ({ detail: { ...detail, ...change } }))

const [HOST, OTHER] = HOSTS
const [ACCOUNT, OTHER_ACCOUNT] = ACCOUNTS
const report: Extract<Call, { op: 'report' }> = { op: 'report', host: HOST, job: JOB, epoch: 1, units: [{ unit: 0, digest: OTHER_DIGEST }] }
const answered = (answer: ReportAnswer, unit = 0): Outcome => ({ type: 'ok', answer: { units: [{ unit, answer }] } })

const pricedAt = (microCredits: number): JobEvidence['audited'][number] => ({ kind: 'job-priced', microCredits, results: {} })

const seeded: readonly Seeded[] = [
  {
    promise: 'acknowledged-lost',
    what: 'an accepted result that is no vote',
    change: (run) => withOperation(run, { call: { ...report, epoch: 77 }, outcome: answered('accepted') })
  },
  {
    promise: 'acknowledged-lost',
    what: 'an accepted result of a unit that is neither settled nor waiting',
    change: (run) => withJob(run, () => ({ waiting: [] }))
  },
  {
    promise: 'acknowledged-lost',
    what: 'a result called late for a unit that is still open',
    change: (run) => withOperation(run, { call: { ...report, units: [{ unit: 3, digest: OTHER_DIGEST }] }, outcome: answered('late', 3) })
  },
  {
    promise: 'acknowledged-lost',
    what: 'a result called a duplicate of which there is no first one',
    change: (run) =>
      withOperation(run, {
        call: { ...report, host: OTHER, units: [{ unit: 3, digest: OTHER_DIGEST }] },
        outcome: answered('duplicate', 3)
      })
  },
  {
    promise: 'acknowledged-lost',
    what: 'a result refused because of the end of a job that goes on',
    change: (run) => withOperation(run, { call: report, outcome: answered('job_closed') })
  },
  {
    promise: 'acknowledged-lost',
    what: 'a submitted job that is not there',
    change: (run) =>
      withOperation(run, { call: { op: 'submit', job: `f${JOB.slice(1)}` as typeof JOB }, outcome: { type: 'ok', answer: {} } })
  },
  {
    promise: 'acknowledged-lost',
    what: 'a cancelled job that goes on',
    change: (run) => withOperation(run, { call: { op: 'cancel', job: JOB }, outcome: { type: 'ok', answer: {} } })
  },
  {
    promise: 'acknowledged-lost',
    what: 'a settled unit that was read and is gone',
    change: (run) =>
      withOperation(run, {
        call: { op: 'read', job: JOB, from: 0 },
        outcome: { type: 'ok', answer: { settled: [{ unit: 3, digest: OTHER_DIGEST }] } }
      })
  },
  {
    promise: 'settled-twice',
    what: 'a settled unit that was read with another digest',
    change: (run) =>
      withOperation(run, {
        call: { op: 'read', job: JOB, from: 0 },
        outcome: { type: 'ok', answer: { settled: [{ unit: 0, digest: OTHER_DIGEST }] } }
      })
  },
  {
    promise: 'settled-twice',
    what: 'a unit with two rows',
    change: (run) => withJob(run, ({ rows }) => ({ rows: [...rows, ...rows.slice(0, 1)] }))
  },
  {
    promise: 'settled-twice',
    what: 'a settled unit that still collects results',
    change: (run) => withJob(run, ({ waiting }) => ({ waiting: [...waiting, { unit: 0, host: HOST, epoch: 9 }] }))
  },
  {
    promise: 'settled-twice',
    what: 'a unit whose settlement was written down twice',
    change: (run) => withJob(run, ({ audited }) => ({ audited: [...audited, { kind: 'settled', units: [[0, 1]], credit: {} }] }))
  },
  { promise: 'audit-differs', what: 'an entry that was taken out', change: (run) => withEvidence(run, { brokenEntry: 7 }) },
  {
    promise: 'audit-differs',
    what: 'a settlement that was paid twice',
    change: (run) => withJob(run, ({ audited }) => ({ audited: [...audited, { kind: 'settled', units: [], credit: { [ACCOUNT]: 10 } }] }))
  },
  {
    promise: 'audit-differs',
    what: 'a reopened unit that kept what it had earned',
    change: (run) =>
      withJob(run, ({ audited }) => ({
        audited: [
          ...audited,
          { kind: 'units-reopened', units: [[0, 1]], credit: {} },
          { kind: 'settled', units: [[0, 1]], credit: { [ACCOUNT]: 10, [OTHER_ACCOUNT]: 10 } }
        ]
      }))
  },
  {
    promise: 'audit-differs',
    what: 'a unit that was reopened and had never been settled',
    change: (run) => withJob(run, ({ audited }) => ({ audited: [...audited, { kind: 'units-reopened', units: [[3, 1]], credit: {} }] }))
  },
  {
    promise: 'audit-differs',
    what: 'a price that was fixed without paying the difference',
    change: (run) =>
      withJob(run, ({ audited }) => ({ price: 9, audited: [...audited, { kind: 'job-priced', microCredits: 9, results: {} }] }))
  },
  {
    promise: 'price-differs',
    what: 'a price that was fixed twice',
    change: (run) => withJob(run, ({ audited }) => ({ audited: [...audited, ...[10, 10].map(pricedAt)] }))
  },
  {
    promise: 'price-differs',
    what: 'a price far from the declared one',
    change: (run) => withJob(run, ({ audited }) => ({ price: 21, audited: [...audited, pricedAt(21)] }))
  },
  {
    promise: 'price-differs',
    what: 'a store with another price than the log',
    change: (run) => withJob(run, () => ({ price: 11 }))
  },
  {
    promise: 'vote-invented',
    what: 'a vote that nobody sent',
    change: (run) => ({ ...run, history: run.history.filter(({ call }) => call.op !== 'report' || call.host !== OTHER) })
  },
  {
    promise: 'vote-invented',
    what: 'a value that nobody sent',
    change: (run) => withJob(run, ({ rows }) => ({ rows: rows.map((row) => (row.unit === 0 ? { ...row, digest: OTHER_DIGEST } : row)) }))
  },
  {
    promise: 'quorum-unmet',
    what: 'one vote where two are due',
    change: (run) => withJob(run, ({ rows }) => ({ rows: rows.map((row) => ({ ...row, votes: row.votes.slice(0, 1) })) }))
  },
  {
    promise: 'quorum-unmet',
    what: 'two votes of one host',
    change: (run) =>
      withJob(run, ({ rows }) => ({ rows: rows.map((row) => ({ ...row, votes: row.votes.map((vote) => ({ ...vote, host: HOST })) })) }))
  },
  {
    promise: 'quorum-unmet',
    what: 'two votes of one owner where owners must differ',
    change: (run) =>
      withJob(withDetail(run, { independence: 'owner' }), ({ rows }) => ({
        rows: rows.map((row) => ({ ...row, independence: 'owner', votes: row.votes.map((vote) => ({ ...vote, account: ACCOUNT })) }))
      }))
  },
  { promise: 'settled-and-errored', what: 'a unit that is both', change: (run) => withJob(run, () => ({ errored: [2, 0] })) },
  {
    promise: 'lease-given-twice',
    what: 'one epoch for two hosts',
    change: (run) =>
      withOperation(run, {
        call: { op: 'ask', host: OTHER, units: 1 },
        outcome: { type: 'ok', answer: { leases: [{ job: JOB, epoch: 1, start: 0, count: 2 }] } }
      })
  },
  {
    promise: 'credit-differs',
    what: 'an account that was paid twice for a unit',
    change: (run) =>
      withEvidence(run, {
        credit: new Map([...run.evidence.credit].map(([account, sum]) => [account, account === ACCOUNT ? sum + 10 : sum]))
      })
  },
  {
    promise: 'credit-differs',
    what: 'an account that was paid and did nothing',
    change: (run) => withEvidence(run, { credit: new Map([...run.evidence.credit, ['Z'.repeat(43) as typeof ACCOUNT, 1]]) })
  },
  { promise: 'credit-differs', what: 'a ledger that tells of less credit', change: (run) => withEvidence(run, { toldCredit: new Map() }) },
  {
    promise: 'credit-differs',
    what: 'a host with more credit than its votes',
    change: (run) => withEvidence(run, { hosts: run.evidence.hosts.map((host) => ({ ...host, microCredits: host.microCredits + 1 })) })
  },
  {
    promise: 'counter-differs',
    what: 'a host with more validated results than votes',
    change: (run) => withEvidence(run, { hosts: run.evidence.hosts.map((host) => ({ ...host, validated: host.validated + 1 })) })
  },
  {
    promise: 'counter-differs',
    what: 'a job that counts more settled units than it has',
    change: (run) => withDetail(run, { units: { waiting: 0, inProgress: 0, validating: 1, validated: 3, errored: 0 } })
  },
  {
    promise: 'counter-differs',
    what: 'a sum that is not that of the rows',
    change: (run) => withDetail(run, { reduced: { kind: 'sum', sum: '4' } })
  },
  { promise: 'counter-differs', what: 'a job that is called complete too early', change: (run) => withDetail(run, { state: 'completed' }) },
  {
    promise: 'audit-differs',
    what: 'a settlement that was not written down',
    change: (run) => withJob(run, () => ({ audited: [] }))
  },
  {
    promise: 'ledger-ahead',
    what: 'a ledger that settles what the store has not',
    change: (run) => withJob(run, ({ told }) => ({ told: told.map((range) => ({ ...range, count: range.count + 1 })) }))
  },
  {
    promise: 'ledger-ahead',
    what: 'a ledger with another digest',
    change: (run) => withJob(run, ({ told }) => ({ told: told.map((range) => ({ ...range, digest: OTHER_DIGEST })) }))
  },
  { promise: 'ledger-behind', what: 'a ledger that says nothing', change: (run) => withJob(run, () => ({ told: [] })) },
  {
    promise: 'database-damaged',
    what: 'a page out of place',
    change: (run) => withEvidence(run, { integrity: 'row 3 missing from index' })
  }
]

describe('the checker', () => {
  it('has nothing against a right run', () => {
    const { history, evidence } = rightRun()
    expect(checkHistory(history, evidence)).toEqual([])
  })

  it.each(seeded)('finds $promise: $what', ({ promise, change }) => {
    const { history, evidence } = change(rightRun())
    expect(checkHistory(history, evidence).map((violation) => violation.promise)).toContain(promise)
  })

  it('has a seeded violation of every kind', () => {
    expect(new Set(seeded.map(({ promise }) => promise))).toEqual(new Set(promises))
  })

  it('holds nothing against operations of which nobody knows whether they have happened', () => {
    const { history, evidence } = rightRun()
    const unknown: Operation = {
      client: 'seeded',
      invokedAt: 9,
      endedAt: null,
      call: { ...report, epoch: 77 },
      outcome: { type: 'unknown' }
    }
    expect(checkHistory([...history, unknown], evidence)).toEqual([])
  })
})
