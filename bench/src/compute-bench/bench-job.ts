/** Jobs of these rows: JavaScript of a stranger, so that it runs in the sandbox, with units as long as the row wants. */
import {
  blobRef,
  generateKeyPair,
  jobIdOf,
  signSpec,
  submitAnswerSchema,
  utf8,
  type JobId,
  type JobSpec,
  type SignedSpec
} from '@peercompute/job-specs'

/** Integer arithmetic that no compiler can leave out. The kernel is its text, and the loop written by hand calls it. */
export function spin(unit: number, rounds: number): number {
  let x = (unit + 1) | 1
  for (let i = 0; i < rounds; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
  }
  return x >>> 0
}
/** Types are stripped by Node before a function has a text. */
const SPIN_KERNEL = `${String(spin)}
export default ({ unit, params }) => ({ value: Uint32Array.of(spin(unit, params.rounds)) })`
export const NO_OP_KERNEL = 'export default ({ unit }) => ({ value: Uint32Array.of(unit) })'
export const ENDLESS_KERNEL =
  'export default ({ unit }) => { for (let x = 0; unit === 0; x++) if (x < 0) break; return { value: Uint32Array.of(unit) } }'

export interface BenchJob {
  readonly id: JobId
  readonly signed: SignedSpec
  readonly kernel: string
}

/** Rounds of the spinning kernel that take so long here, when nothing else wants the core. */
export function roundsFor(ms: number): number {
  const rounds = 20_000_000
  const cpuMs = [0, 1, 2, 3].map((unit) => {
    const before = process.cpuUsage()
    spin(unit, rounds)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  })
  return Math.round((rounds * ms) / Math.min(...cpuMs))
}

export function benchSpec(kernel: string, unitCount: number, params: JobSpec['params'] = {}, unitSeconds = 60): JobSpec {
  return {
    v: 1,
    name: 'bench',
    title: 'Bench',
    description: '',
    researcher: 'bench',
    revision: 1,
    kernel: { name: 'bench', abi: 1, js: { blob: blobRef(utf8(kernel)) } },
    params,
    unitCount,
    inputs: [],
    outputs: [{ name: 'value', type: 'u32', shape: [1] }],
    verification: { policy: 'quorum', quorum: 1, independence: 'executor', comparator: { kind: 'exact' }, maxResults: 4 },
    reduce: { kind: 'none' },
    limits: { unitSeconds, outputBytes: 4, memoryBytes: 16_777_216 },
    unitOperations: 1_000_000
  }
}

export function spinSpec(unitCount: number, rounds: number): JobSpec {
  return benchSpec(SPIN_KERNEL, unitCount, { rounds })
}

/** Another author each time, so that no two are the same job. */
export async function signedJob(spec: JobSpec, kernel = SPIN_KERNEL): Promise<BenchJob> {
  const signed = await signSpec(await generateKeyPair({ extractable: true }), spec)
  return { id: jobIdOf(signed.author, signed.spec), signed, kernel }
}

/** Publishes it as a researcher does. */
export async function submit(url: string, { signed, kernel }: BenchJob): Promise<JobId> {
  const answer = await fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signed)
  })
  if (!answer.ok) throw new Error(`The coordinator refused the job: ${await answer.text()}`)
  const { id, missingBlobs } = submitAnswerSchema.parse(await answer.json())
  for (const sha256 of missingBlobs) {
    const put = await fetch(`${url}/api/v1/blobs/${sha256}`, { method: 'PUT', body: kernel })
    if (!put.ok) throw new Error(`The coordinator refused the kernel: ${await put.text()}`)
  }
  return id
}
