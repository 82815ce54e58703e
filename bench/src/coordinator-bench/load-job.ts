/** The job of these rows, and what must be right at the end of each. */
import { generateKeyPair, signSpec, submitAnswerSchema, type JobId, type JobSpec, type SignedSpec } from '@peercompute/job-specs'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { unitMicroCredits } from '@peercompute/relay-coordinator/core'

export const QUORUM = 2
/** 10 millionths of a credit for each result. */
const UNIT_OPERATIONS = 4.32e6
const UNIT_MICRO_CREDITS = unitMicroCredits(UNIT_OPERATIONS)

/** Quorum 2, every opinion from another subnet, one u32 as the value, summed up. */
export async function loadSpec(unitCount: number, revision = 1): Promise<JobSpec> {
  const { manifest, programs } = await loadKernel('n-queens')
  const spec = specFor(manifest, { revision, verification: { quorum: QUORUM, independence: 'subnet' } }, programs)
  return { ...spec, name: 'load', title: 'Load', unitCount, unitOperations: UNIT_OPERATIONS }
}

/** Another author each time, so that no two are the same job. */
export async function signedLoadJob(unitCount: number): Promise<SignedSpec> {
  const author = await generateKeyPair({ extractable: true })
  return signSpec(author, await loadSpec(unitCount))
}

/** Publishes it as a researcher does. */
export async function submitLoadJob(url: string, signed: SignedSpec): Promise<JobId> {
  const answer = await fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signed)
  })
  if (!answer.ok) throw new Error(`The coordinator refused the job: ${await answer.text()}`)
  const { id, created, missingBlobs } = submitAnswerSchema.parse(await answer.json())
  if (!created || missingBlobs.length > 0) throw new Error('The coordinator did not take the job as a new and complete one')
  return id
}

/** What a coordinator says of one job, read from its store row by row. */
export interface JobAccount {
  readonly state: string
  readonly unitCount: number
  readonly validated: number
  /** Rows of settled units, their distinct numbers, and votes that were paid for. */
  readonly rows: number
  readonly distinct: number
  readonly votes: number
}

/** Throws unless every settled unit was settled once by exactly the quorum. `complete`: and the job with all its units. */
export function checkJob({ state, unitCount, validated, rows, distinct, votes }: JobAccount, complete: boolean): void {
  const told = `${state}, ${validated} of ${unitCount} validated, ${rows} rows of ${distinct} units, ${votes} votes`
  if (rows !== validated || distinct !== rows) throw new Error(`Units were lost or settled twice: ${told}`)
  if (votes !== validated * QUORUM) throw new Error(`Units were settled by another number than the quorum: ${told}`)
  if (complete && (state !== 'completed' || validated !== unitCount)) throw new Error(`The job is not complete: ${told}`)
}

/** Millionths of a credit for that many settled units. */
export function owedFor(settled: number): number {
  return settled * QUORUM * UNIT_MICRO_CREDITS
}

/** Throws unless exactly that was paid, in millionths, for these settled units. */
export function checkCredit(microCredits: number, settled: number): void {
  const owed = owedFor(settled)
  if (microCredits !== owed) throw new Error(`${microCredits} millionths of a credit were granted for ${settled} units, ${owed} are owed`)
}
