/** What can happen in the model test: its hosts, its jobs, and the steps of a history. */
import fc from 'fast-check'
import type { Independence } from '@peercompute/job-specs'
import type { CorePolicy } from '../core/index.ts'
import { connectedHost, smallSpec, unsigned } from './fixtures.ts'

export const HOSTS = [
  connectedHost('a', { resumes: true }),
  connectedHost('b', { account: 'shared', resumes: true }),
  connectedHost('c', { account: 'shared', executors: ['js', 'wasm'], resumes: true }),
  connectedHost('d', { subnet: '10.1.2.0/24', executor: { numericClass: 'other' }, memoryBytes: 512 }),
  connectedHost('e', { subnet: '10.1.3.0/24', resumes: true })
]
/** Come at the end, when everything else is broken. */
export const FRESH = Array.from({ length: 9 }, (_, n) =>
  connectedHost(`fresh ${n}`, { subnet: `10.2.${n}.0/24`, executor: { numericClass: 'fresh' } })
)

const CREDIBLE = { policy: 'credibility', errorProbability: 0.01, comparator: { kind: 'exact' }, maxResults: 9 } as const
const ADAPTIVE = { policy: 'adaptive', quorum: 2, comparator: { kind: 'exact' } } as const

export function jobsOf(independence: Independence) {
  const verification = { independence, maxResults: 4 }
  const limits = { ...smallSpec().limits, unitSeconds: 60 }
  return [
    unsigned(smallSpec({ unitCount: 12, limits, verification }), 'x'),
    unsigned(smallSpec({ name: 'urgent', unitCount: 30, priority: 5, verification: { ...verification, quorum: 1 } }), 'x'),
    unsigned(
      smallSpec({ name: 'heavy', unitCount: 16, unitOperations: 4.32e6, limits, verification: { ...verification, ...CREDIBLE } }),
      'y'
    ),
    unsigned(smallSpec({ name: 'tail', unitCount: 2, verification: { ...verification, ...ADAPTIVE } }), 'y'),
    unsigned(smallSpec({ name: 'too-many', unitCount: 1, verification }), 'x')
  ]
}
export const POLICY: CorePolicy = { leasing: true, openJobsPerAuthor: 2, openUnitsPerAuthor: 60, subnetShare: 0.2 }

/** `same`: wrong, and what all who lie say. */
export type Mode = 'right' | 'wrong' | 'same' | 'fail' | 'half' | 'uncompiled'
export type Step =
  | { do: 'connect' | 'disconnect'; host: number }
  | { do: 'ask'; host: number; executor: 'js' | 'wasm'; units: number }
  | { do: 'report'; lease: number; mode: Mode; times: number }
  | { do: 'release' | 'renew'; lease: number }
  /** A lease's first open units are saved and handed over; `gone`: its host gives it up at once. */
  | { do: 'checkpoint'; lease: number; gone: boolean }
  | { do: 'expire'; ms: number }
  | { do: 'restore'; start: number; count: number }
  | { do: 'cancel' | 'pause' | 'resume' | 'submit'; job: number }
  | { do: 'leasing'; on: boolean }
  /** Everything is handed out, and then nobody says anything for a while. */
  | { do: 'silence' }
  /** Every host asks and reports, all in the same way. */
  | { do: 'spell'; mode: Mode }
  /** Every host asks and reports, and two of them lie together. */
  | { do: 'lies'; host: number }
  /** The operator lifts bans. */
  | { do: 'pardon'; host: number }

const host = fc.nat(HOSTS.length - 1)
const lease = fc.nat(30)
const job = fc.nat(4)
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('connect' as const, 'disconnect' as const), host }) },
  {
    weight: 35,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      host,
      executor: fc.constantFrom('js' as const, 'wasm' as const),
      units: fc.integer({ min: 1, max: 6 })
    })
  },
  {
    weight: 40,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      lease,
      mode: fc.constantFrom<Mode>('right', 'right', 'right', 'wrong', 'same', 'same', 'fail', 'half', 'uncompiled'),
      times: fc.constantFrom(1, 1, 2, 5)
    })
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('release' as const, 'renew' as const), lease }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('checkpoint' as const), lease, gone: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('expire' as const), ms: fc.constantFrom(0, 3_000, 12_000, 120_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restore' as const), start: fc.nat(11), count: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const, 'submit' as const, 'submit' as const),
      job
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), job }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pardon' as const), host }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('lies' as const), host: fc.constantFrom(1, 1, 3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leasing' as const), on: fc.constantFrom(true, true, false) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('silence' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('spell' as const), mode: fc.constantFrom<Mode>('right', 'right', 'fail', 'uncompiled') })
  }
)
