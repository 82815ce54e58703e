/** A small job as a room's ledger remembers it, with the values that its members keep. */
import {
  blobRef,
  generateKeyPair,
  jobIdOf,
  jobSpecSchema,
  sha256Hex,
  signSpec,
  utf8,
  type ContentHash,
  type SignedSpec
} from '@peercompute/job-specs'
import type { LedgerJob, LedgerState, SettledRange } from '@peercompute/ledger'
import { rangeDigest } from '@peercompute/relay-coordinator/room'

export const KERNEL = utf8('export default ({ unit }) => ({ n: Uint32Array.of(unit) })')

export async function signedJob(unitCount: number): Promise<SignedSpec> {
  const spec = jobSpecSchema.parse({
    v: 1,
    name: 'small',
    title: 'A small job',
    description: '',
    researcher: '',
    revision: 1,
    kernel: { name: 'small', abi: 1, js: { blob: blobRef(KERNEL) } },
    params: {},
    unitCount,
    inputs: [],
    outputs: [{ name: 'n', type: 'u32', shape: [1] }],
    verification: { policy: 'quorum', quorum: 1, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 },
    reduce: { kind: 'sum', output: 'n' },
    limits: { unitSeconds: 10, outputBytes: 4, memoryBytes: 1_048_576 },
    unitOperations: 1
  })
  return signSpec(await generateKeyPair({ extractable: false }), spec)
}

/** Each unit's value is its number. */
export function valueOf(unit: number): Uint8Array {
  const value = new Uint8Array(4)
  new DataView(value.buffer).setUint32(0, unit, true)
  return value
}

export function settled(start: number, count: number): SettledRange {
  const digests = Array.from({ length: count }, (_, index) => sha256Hex(valueOf(start + index)) as ContentHash)
  return { start, count, digest: rangeDigest(digests), independence: 'host' }
}

export function ledgerJob(signed: SignedSpec, change: Partial<LedgerJob> = {}): LedgerJob {
  return {
    id: jobIdOf(signed.author, signed.spec),
    signed,
    publishedBy: signed.author,
    admitted: true,
    custodial: false,
    cancelled: false,
    ended: null,
    settled: [],
    ...change
  }
}

export function ledgerState(...jobs: LedgerJob[]): LedgerState {
  return {
    jobs: new Map(jobs.map((job) => [job.id, job])),
    credit: new Map(),
    revoked: new Set(),
    revokedJobs: new Map(),
    coordinators: new Map(),
    retired: { jobs: 0, units: 0 }
  }
}
