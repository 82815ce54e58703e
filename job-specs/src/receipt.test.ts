import { expect, it } from 'vitest'
import { toHex } from './bytes.ts'
import { merkleRoot } from './merkle.ts'
import { generateKeyPair } from './keys.ts'
import { certifyCoordinator } from './certificates.ts'
import { jobReceiptBodySchema, receiptLeaf, signJobReceipt, unitReceiptSchema, verifyJobReceipt } from './receipt.ts'

const KEY = 'A'.repeat(43)
const HASH = 'ab'.repeat(32)
const golden = unitReceiptSchema.parse({
  v: 1,
  job: HASH,
  spec: HASH,
  kernel: { js: HASH },
  inputs: [HASH],
  unit: 7,
  digest: HASH,
  votes: [
    {
      host: KEY,
      account: KEY,
      executor: 'js',
      numericClass: 'js-fdlibm',
      probeVersion: 1,
      epoch: 3,
      verdict: 'canonical',
      digest: HASH,
      metric: 0,
      bound: 1e-7
    }
  ],
  independence: 'owner',
  policy: { policy: 'quorum', quorum: 1, independence: 'owner', comparator: { kind: 'exact' }, maxResults: 8 },
  errorProbability: 0.0005,
  settledAt: 1_700_000_000_000
})

it('the leaf of a receipt, and the root over two, are these bytes for ever', () => {
  const leaf = receiptLeaf(golden)
  expect(toHex(leaf)).toBe('2441557dab6ae81a49db9b79e258c4f921c5b7a3395595b07a4435a47a41e5c7')
  expect(toHex(merkleRoot([leaf, receiptLeaf({ ...golden, unit: 8 })]))).toBe(
    '1aecd22414b83731aac0fb9008ecb67bc4e9316b3883893a0e4560d24bca3020'
  )
})

it('a receipt of a job is signed whole, by the operational key of its certificate', async () => {
  const root = await generateKeyPair({ extractable: true })
  const operational = await generateKeyPair({ extractable: true })
  const body = jobReceiptBodySchema.parse({
    v: 1,
    job: HASH,
    spec: HASH,
    author: KEY,
    state: 'completed',
    provisional: false,
    unitCount: 1,
    settled: 1,
    errored: 0,
    notHeld: 0,
    root: HASH,
    executions: 1,
    executionsPerUnit: 1,
    policy: golden.policy,
    errorProbability: { mean: 0.0005, worst: 0.0005 },
    hosts: 1,
    accounts: 1,
    numericClasses: 1,
    reduced: { kind: 'none' },
    unitMicroCredits: 1,
    microCredits: 1,
    startedAt: 0,
    endedAt: 1,
    certificate: await certifyCoordinator(root, operational.publicKey, 1, 0)
  })
  const signed = await signJobReceipt(operational, body)
  expect(await verifyJobReceipt(signed)).toBe(true)
  expect(await verifyJobReceipt({ ...signed, settled: 2 })).toBe(false)
  expect(await verifyJobReceipt(await signJobReceipt(root, body))).toBe(false)
})
