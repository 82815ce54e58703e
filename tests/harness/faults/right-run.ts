/**
 * A small run in which everything is as it should be, written by hand: four units, quorum 2. Two are settled, one is errored, one waits
 * for a second result.
 */
import {
  accountIdSchema,
  contentHashSchema,
  hostIdSchema,
  jobDetailSchema,
  jobIdSchema,
  sha256Hex,
  type HostView,
  type ResultRow
} from '@peercompute/job-specs'
import type { Evidence, JobEvidence } from './evidence.ts'
import type { Operation } from './history.ts'
import { lightJob } from './submitter.ts'

export interface Run {
  readonly history: readonly Operation[]
  readonly evidence: Evidence
}

const key = (letter: string): string => letter.repeat(43)
const digestOf = (unit: number) => contentHashSchema.parse(sha256Hex(Uint8Array.of(unit, 0, 0, 0)))
const HOST_KEYS = { A: hostIdSchema.parse(key('A')), B: hostIdSchema.parse(key('B')) }
const ACCOUNT_KEYS = { A: accountIdSchema.parse(key('C')), B: accountIdSchema.parse(key('D')) }

export const JOB = jobIdSchema.parse('ab'.repeat(32))
export const HOSTS = [HOST_KEYS.A, HOST_KEYS.B] as const
export const ACCOUNTS = [ACCOUNT_KEYS.A, ACCOUNT_KEYS.B] as const
export const OTHER_DIGEST = contentHashSchema.parse('0'.repeat(64))

const SETTLED = [0, 1]
const ERRORED = [2]
const WAITING = 3
const UNIT_MICRO_CREDITS = 10

export function rightRun(): Run {
  const rows = SETTLED.map((unit): ResultRow => ({
    unit,
    digest: digestOf(unit),
    settledAt: 1,
    values: { value: [unit] },
    independence: 'host',
    votes: (['A', 'B'] as const).map((who, index) => ({
      host: HOST_KEYS[who],
      account: ACCOUNT_KEYS[who],
      executor: 'js',
      numericClass: 'light',
      epoch: index + 1,
      verdict: index === 0 ? 'canonical' : 'agrees'
    }))
  }))
  const spec = lightJob('light', { unitCount: 4, unitOperations: 432_000 * UNIT_MICRO_CREDITS })
  const job: JobEvidence = {
    detail: jobDetailSchema.parse({
      id: JOB,
      name: 'light',
      title: 'light',
      researcher: '',
      author: key('E'),
      custodial: false,
      state: 'running',
      unitCount: 4,
      units: { waiting: 0, inProgress: 0, validating: 1, validated: 2, errored: 1 },
      submittedAt: 0,
      firstValidatedAt: 1,
      endedAt: null,
      reduced: { kind: 'sum', sum: '1' },
      independence: 'host',
      verification: spec.verification,
      sameMachine: false,
      executionsPerUnit: 2,
      spec,
      why: { code: 'job_running', sentence: '', remedy: '' },
      hosts: 2,
      settledWithin: [[0, 2]],
      failures: []
    }),
    rows,
    errored: ERRORED,
    waiting: [{ unit: WAITING, host: HOST_KEYS.A, epoch: 1 }],
    price: UNIT_MICRO_CREDITS,
    audited: [
      {
        kind: 'settled',
        units: [[0, 2]],
        credit: Object.fromEntries(ACCOUNTS.map((account) => [account, 2 * UNIT_MICRO_CREDITS]))
      }
    ],
    told: [
      {
        start: 0,
        count: 2,
        digest: contentHashSchema.parse(sha256Hex(Buffer.from(SETTLED.map(digestOf).join(''), 'hex'))),
        independence: 'host'
      }
    ]
  }
  const hosts = (['A', 'B'] as const).map((who): HostView => ({
    host: HOST_KEYS[who],
    account: ACCOUNT_KEYS[who],
    label: who,
    agent: 'light/1',
    connected: true,
    lastSeenAt: 1,
    executors: [],
    unitsHeld: 0,
    validated: 2,
    rejected: 0,
    failed: 0,
    microCredits: 2 * UNIT_MICRO_CREDITS
  }))
  const credit = new Map(ACCOUNTS.map((account) => [account, 2 * UNIT_MICRO_CREDITS]))
  return {
    history: HOSTS.flatMap((host, index) => historyOf(host, index + 1)),
    evidence: { jobs: new Map([[JOB, job]]), hosts, banned: new Set(), credit, toldCredit: credit, brokenEntry: null, integrity: 'ok' }
  }
}

/** Comes, gets a lease of all four units, reports three of them, the first host the fourth as well. */
function historyOf(host: (typeof HOSTS)[number], epoch: number): readonly Operation[] {
  const units = [...SETTLED, ...(epoch === 1 ? [WAITING] : [])]
  const operation = (call: Operation['call'], answer: Extract<Operation['outcome'], { type: 'ok' }>['answer']): Operation => ({
    client: host.slice(0, 1),
    invokedAt: 1,
    endedAt: 1,
    call,
    outcome: { type: 'ok', answer }
  })
  return [
    operation({ op: 'connect', host }, {}),
    operation({ op: 'ask', host, units: 4 }, { leases: [{ job: JOB, epoch, start: 0, count: 4 }] }),
    operation(
      {
        op: 'report',
        host,
        job: JOB,
        epoch,
        units: [...units.map((unit) => ({ unit, digest: digestOf(unit) })), { unit: 2, digest: null }]
      },
      { units: [...units, 2].map((unit) => ({ unit, answer: 'accepted' })) }
    )
  ]
}
