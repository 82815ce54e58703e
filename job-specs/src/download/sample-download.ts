/** A small download with real keys and signatures, for tests: four units, votes of two classes, one rejected result. */
import { toBase64Url, toHex, utf8, type Bytes } from '../bytes.ts'
import { blobRef } from '../blob.ts'
import { sha256Hex } from '../canonical.ts'
import { certifyCoordinator } from '../certificates.ts'
import type { AccountId, AuthorId, ContentHash, HostId } from '../ids.ts'
import type { JobSpec } from '../job.ts'
import { generateKeyPair } from '../keys.ts'
import { receiptBase, receiptLeaf, signJobReceipt, specHash, type ReceiptVote, type UnitReceipt } from '../receipt.ts'
import { ReceiptTally } from '../receipt-tally.ts'
import { jobIdOf, signSpec } from '../signed-spec.ts'
import { downloadLine } from './download.ts'
import { readableValues } from './readable-values.ts'

const spec: JobSpec = {
  v: 1,
  name: 'sample',
  title: 'A sample',
  description: 'Für Tests',
  researcher: 'Nobody',
  revision: 1,
  kernel: {
    name: 'sample',
    abi: 1,
    js: { blob: blobRef(utf8('js')) },
    wgsl: { blob: blobRef(utf8('wgsl')), passes: [{ entry: 'main', grid: [1, 1, 1], repeat: 1 }] }
  },
  params: { alpha: 0.5, steps: [1, 2] },
  unitCount: 5,
  inputs: [{ name: 'table', type: 'f32', blob: blobRef(utf8('table')) }],
  outputs: [
    { name: 'count', type: 'u32', shape: [1] },
    { name: 'field', type: 'f64', shape: [2] }
  ],
  verification: {
    policy: 'quorum',
    quorum: 2,
    independence: 'owner',
    comparator: { kind: 'tolerance', absolute: 0, relative: 0.001, withinClass: 'exact' },
    maxResults: 8
  },
  reduce: { kind: 'sum', output: 'count' },
  limits: { unitSeconds: 10, outputBytes: 64, memoryBytes: 1_048_576 },
  requires: { features: ['shader-f16'], limits: { maxBufferSize: 4 } },
  priority: 2,
  unitOperations: 10
}

const keyNamed = (name: string): string => {
  const bytes = new Uint8Array(32)
  bytes.set(utf8(name).subarray(0, 32))
  return toBase64Url(bytes)
}

function valueOf(unit: number, wobble = 0): Bytes {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, unit * 10, true)
  view.setFloat64(4, unit === 1 ? Number.NaN : -0, true)
  view.setFloat64(12, 1 / 3 + unit + wobble, true)
  return bytes
}

function vote(n: number, verdict: ReceiptVote['verdict'], value: Bytes, metric: number): ReceiptVote {
  return {
    host: keyNamed(`host ${n}`) as HostId,
    account: keyNamed(`account ${n}`) as AccountId,
    executor: n % 2 === 0 ? 'js' : 'webgpu',
    numericClass: n % 2 === 0 ? 'js-fdlibm' : 'webgpu-swiftshader-156',
    probeVersion: 1,
    epoch: n + 1,
    verdict,
    digest: sha256Hex(value) as ContentHash,
    metric,
    bound: 1
  }
}

export interface SampleDownload {
  /** With line feeds. */
  readonly lines: readonly string[]
  readonly root: string
}

/** The job was cancelled with four of five units settled. Keys are new each time. */
export async function sampleDownload(change: (receipt: UnitReceipt) => UnitReceipt = (receipt) => receipt): Promise<SampleDownload> {
  const [root, operational, author] = await Promise.all([1, 2, 3].map(() => generateKeyPair({ extractable: true })))
  if (root === undefined || operational === undefined || author === undefined) throw new Error('Three keys were made')
  const signed = await signSpec(author, spec)
  const job = jobIdOf(signed.author, spec)
  const base = receiptBase(job, spec)
  const tally = new ReceiptTally(spec)
  const units = [0, 1, 2, 4].map((unit) => {
    const value = valueOf(unit)
    const votes = [
      vote(0, 'canonical', value, 0),
      vote(1, 'agrees', valueOf(unit, 1e-6), 0.003),
      ...(unit === 2 ? [vote(2, 'rejected', valueOf(unit, 7), 21)] : [])
    ]
    const receipt = change({
      ...base,
      unit,
      digest: sha256Hex(value) as ContentHash,
      votes,
      errorProbability: 0.0004 + unit / 1e5,
      settledAt: 1_000 + unit
    })
    const leaf = receiptLeaf(receipt)
    tally.add(receipt, value, leaf)
    return downloadLine({
      leaf: toHex(leaf) as ContentHash,
      receipt,
      value: toBase64Url(value),
      values: readableValues(spec.outputs, value)
    })
  })
  const receipt = await signJobReceipt(operational, {
    v: 1,
    job,
    spec: specHash(spec),
    author: author.publicKey as AuthorId,
    state: 'cancelled',
    provisional: false,
    unitCount: 5,
    errored: 0,
    notHeld: 0,
    policy: spec.verification,
    startedAt: 500,
    endedAt: 2_000,
    certificate: await certifyCoordinator(root, operational.publicKey, 3, 100),
    ...tally.counted(1_000)
  })
  return {
    root: root.publicKey,
    lines: [downloadLine({ peercompute: 'download', v: 1, job, signed }), ...units, downloadLine({ receipt })]
  }
}
