/** The programs with which a job judges its own results, run here as the coordinator would run them. */
import {
  compareValues,
  jobIdOf,
  PeerComputeError,
  type Bytes,
  type Comparison,
  type ContentHash,
  type ExecutorKind
} from '@peercompute/job-specs'
import { createCagedComparison, createThreadJudge, type Judge } from '@peercompute/relay-coordinator'
import type { LoadedJob } from '../job/load-job.ts'
import type { UnitRuns } from './run-units.ts'

export interface Executed extends UnitRuns {
  readonly kind: ExecutorKind
}

export interface OwnVerdicts {
  /** Values that passed. */
  readonly passed: number
  /** The check also passes a value that was spoiled on purpose, so it may check nothing. */
  readonly passesSpoiled: boolean
}

const SPOIL = 0x55

function blobOf(blobs: LoadedJob['blobs'], sha256: ContentHash): Bytes {
  const bytes = blobs.get(sha256)
  if (bytes === undefined) throw new PeerComputeError('BLOB_NOT_FOUND', `blob ${sha256} is not here`)
  return new Uint8Array(bytes)
}

/** Null for a job without a verifier. Rejects with VERIFIER_DISAGREES when it does not pass what was computed here. */
export async function refuseUnverified(job: LoadedJob, checked: readonly Executed[]): Promise<OwnVerdicts | null> {
  if (job.spec.verification.policy !== 'verifier') return null
  const judge = createThreadJudge({
    readBlob: (sha256) => Promise.resolve(blobOf(job.blobs, sha256)),
    random: Math.random,
    threads: 1
  })
  try {
    return await verdicts(judge, job, checked)
  } finally {
    await judge.close()
  }
}

async function verdicts(judge: Judge, { spec }: LoadedJob, checked: readonly Executed[]): Promise<OwnVerdicts> {
  const id = jobIdOf('', spec)
  let passed = 0
  for (const { kind, outcomes } of checked) {
    const values = outcomes.flatMap((outcome) => (outcome.ok ? [{ unit: outcome.unit, value: outcome.value }] : []))
    const answers = await judge.verify(id, spec, values)
    for (const [index, { pass, detail }] of answers.entries()) {
      const where = `${kind}, unit ${values[index]?.unit ?? 0}`
      if (pass === null) throw new PeerComputeError('VERIFIER_DISAGREES', `${where}: the verifier itself failed: ${detail}`)
      if (!pass) throw new PeerComputeError('VERIFIER_DISAGREES', `${where}: ${detail}`)
      passed++
    }
  }
  const sample = checked[0]?.outcomes.find((outcome) => outcome.ok)
  const spoiled = sample?.ok === true ? [{ unit: sample.unit, value: sample.value.map((byte) => byte ^ SPOIL) }] : []
  const answers = await judge.verify(id, spec, spoiled)
  return { passed, passesSpoiled: answers.some(({ pass }) => pass === true) }
}

export interface OwnComparison {
  /** As results of different numeric classes. Throws KERNEL_DISAGREES when the job's own comparator fails. */
  compare(a: Uint8Array, b: Uint8Array): Comparison
  close(): Promise<void>
}

export function ownComparison({ spec, blobs }: LoadedJob): OwnComparison {
  const { comparator } = spec.verification
  if (comparator.kind !== 'custom')
    return { compare: (a, b) => compareValues(comparator, spec.outputs, a, b), close: () => Promise.resolve() }
  const caged = createCagedComparison({ readBlob: (sha256) => blobOf(blobs, sha256) })
  return {
    compare: (a, b) => {
      const comparison = caged.compare(
        spec,
        { value: a, numericClass: 'a', probeVersion: 1 },
        { value: b, numericClass: 'b', probeVersion: 1 }
      )
      if (comparison.failed === true) throw new PeerComputeError('KERNEL_DISAGREES', comparison.detail)
      return comparison
    },
    close: () => caged.close()
  }
}
