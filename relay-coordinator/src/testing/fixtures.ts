/** Small valid jobs, hosts and reports for tests of the core and its stores. */
import {
  blobRef,
  jobIdOf,
  sha256Hex,
  toBase64Url,
  utf8,
  type AccountId,
  type AuthorId,
  type ContentHash,
  type Executor,
  type ExecutorKind,
  type HostCertificate,
  type HostId,
  type JobId,
  type JobSpec,
  type Report,
  type SignedSpec,
  type UnitFailure,
  type Verification
} from '@peercompute/job-specs'
import type { ConnectedHost, CoordinatorState } from '../core/index.ts'

/** Something with the form of a public key, from a name. */
export function keyNamed(name: string): string {
  const bytes = new Uint8Array(32)
  bytes.set(utf8(name).subarray(0, 32))
  return toBase64Url(bytes)
}

const SIGNATURE = toBase64Url(new Uint8Array(64))

type Quorum = Extract<Verification, { policy: 'quorum' }>

/** Quorum 2, where `verification` says nothing else; other policies are given whole. */
export type SpecOverrides = Partial<Omit<JobSpec, 'verification'>> & { readonly verification?: Partial<Quorum> | Verification }

const QUORUM_OF_TWO: Quorum = { policy: 'quorum', quorum: 2, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 }

function isWhole(verification: SpecOverrides['verification']): verification is Verification {
  return verification?.policy !== undefined && verification.policy !== 'quorum'
}

export function smallSpec({ verification, ...overrides }: SpecOverrides = {}): JobSpec {
  return {
    v: 1,
    name: 'small',
    title: 'A small job',
    description: '',
    researcher: 'Test',
    revision: 1,
    kernel: {
      name: 'small',
      abi: 1,
      js: { blob: blobRef(utf8('export default function compute() {}')) },
      wasm: { blob: blobRef(utf8('wasm')) }
    },
    params: {},
    unitCount: 4,
    inputs: [],
    outputs: [{ name: 'count', type: 'u32', shape: [1] }],
    verification: isWhole(verification) ? verification : { ...QUORUM_OF_TWO, ...verification },
    reduce: { kind: 'sum', output: 'count' },
    limits: { unitSeconds: 1, outputBytes: 4, memoryBytes: 1024 },
    unitOperations: 4.32e5,
    ...overrides
  }
}

/** With a signature of the right form that does not hold: the core leaves checking to its callers. */
export function unsigned(spec: JobSpec, author = 'author'): { job: JobId; signed: SignedSpec } {
  const key = keyNamed(author) as AuthorId
  return { job: jobIdOf(key, spec), signed: { author: key, spec, sig: SIGNATURE } }
}

export function connectedHost(
  name: string,
  options: {
    account?: string
    subnet?: string
    executors?: readonly ExecutorKind[]
    memoryBytes?: number
    executor?: Partial<Executor>
    resumes?: boolean
  } = {}
): ConnectedHost {
  const host = keyNamed(name) as HostId
  const account = keyNamed(options.account ?? `account of ${name}`) as AccountId
  const certificate: HostCertificate = { v: 1, account, host, label: name, issuedAt: 0, sig: SIGNATURE }
  return {
    host,
    account,
    label: name,
    subnet: options.subnet ?? '127.0.0.0/24',
    certificate,
    resumes: options.resumes ?? false,
    description: {
      agent: 'test',
      memoryBytes: options.memoryBytes ?? 0,
      executors: (options.executors ?? ['js']).map((kind) => ({
        kind,
        slots: 1,
        numericClass: 'test',
        probeVersion: 1,
        features: [],
        software: false,
        operationsPerSecond: 0,
        ...options.executor
      }))
    }
  }
}

/** As if enough units of this host had been validated for it to hold as many leases as any. */
export function asProven(state: CoordinatorState, host: HostId): void {
  const entry = state.hosts.get(host)
  if (entry !== undefined) entry.validated = 1_000
}

/** Park–Miller, from a seed > 0: uniform in [0, 1). */
export function drawing(seed: number): () => number {
  let draw = seed
  return () => (draw = (draw * 48_271) % 2_147_483_647) / 2_147_483_647
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

export function reportOf(
  host: HostId,
  lease: { job: JobId; epoch: number; executor: ExecutorKind },
  values: readonly { unit: number; value: Uint8Array | null }[],
  {
    reason = 'runtime_error',
    numericClass = 'test',
    computeMs = 1
  }: { reason?: UnitFailure; numericClass?: string; computeMs?: number } = {}
): { report: Report; values: Uint8Array[] } {
  const units: Report['units'] = values.map(({ unit, value }) =>
    value === null
      ? { outcome: 'failure', unit, reason, message: 'it broke', computeMs }
      : { outcome: 'success', unit, digest: sha256Hex(value) as ContentHash, bytes: value.length, computeMs }
  )
  return {
    report: {
      v: 1,
      job: lease.job,
      epoch: lease.epoch,
      host,
      executor: lease.executor,
      numericClass,
      probeVersion: 1,
      ts: 0,
      units,
      sig: SIGNATURE
    },
    values: values.flatMap(({ value }) => (value === null ? [] : [value]))
  }
}
