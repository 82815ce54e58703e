import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  checkProof,
  fromBase64Url,
  generateKeyPair,
  jobReceiptSchema,
  provenUnitSchema,
  receiptLeaf,
  signSpec,
  verify,
  verifyCoordinatorCertificate,
  verifyJobReceipt,
  type JobId
} from '@peercompute/job-specs'
import { checkDownload, DownloadCheck } from '@peercompute/job-specs/download'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { createTestHost } from '../testing/test-host.ts'
import { BLOCK_UNITS } from './sealed-job.ts'

let parts: TestApp
beforeEach(async () => {
  parts = await createTestApp({}, () => true)
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

const hex = (hash: string) => Uint8Array.from(Buffer.from(hash, 'hex'))
const get = (path: string) => parts.app.inject({ url: `/api/v1/jobs/${path}` })

async function publish(unitCount: number): Promise<JobId> {
  const author = await generateKeyPair({ extractable: true })
  return (await parts.coordinator.submit(await signSpec(author, smallSpec({ unitCount })), false)).id
}

/** Two hosts compute all that they get; each unit's value is its number. */
async function compute(asks = 1): Promise<void> {
  for (const n of [0, 1]) {
    const host = await createTestHost()
    const { account, host: key, label } = host.certificate
    const { description, certificate } = host
    await parts.coordinator.hostConnected({ host: key, account, label, description, certificate, subnet: `192.0.${n}.0/24` })
    for (let asked = 0; asked < asks; asked++) {
      const { leases } = await parts.coordinator.ask(key, { executor: 'js', units: 256, seconds: 0 })
      for (const lease of leases) {
        const { report, values } = await host.report(lease)
        await parts.coordinator.report(report, values)
      }
    }
  }
}

async function checked(text: string, root?: string) {
  const check = new DownloadCheck({ root })
  await checkDownload(
    (async function* () {
      yield new TextEncoder().encode(text)
    })(),
    check,
    { name: 'job.ndjson' }
  )
  return check.report()
}

it('an ended job has a signed receipt that counts its units', async () => {
  const id = await publish(4)
  await compute()
  const receipt = jobReceiptSchema.parse((await get(`${id}/receipt`)).json())
  expect(receipt).toMatchObject({
    state: 'completed',
    provisional: false,
    settled: 4,
    executions: 8,
    executionsPerUnit: 2,
    hosts: 2,
    accounts: 2,
    numericClasses: 1,
    reduced: { kind: 'sum', sum: '6' }
  })
  expect(receipt.microCredits).toBe(8 * receipt.unitMicroCredits)
  expect([...parts.coordinator.credit().values()].reduce((sum, credit) => sum + credit, 0)).toBe(receipt.microCredits)
  expect(await verifyJobReceipt(receipt)).toBe(true)
  expect(await verifyCoordinatorCertificate(receipt.certificate, parts.keys.certificate.root)).toBe(true)
  expect((await get(`${id}/receipt`)).json()).toEqual(receipt)
})

it('each unit of an ended job, in blocks and after them, is proved under the root', async () => {
  const unitCount = BLOCK_UNITS + 3
  const id = await publish(unitCount)
  await compute(8)
  for (const unit of [0, 1, BLOCK_UNITS - 1, BLOCK_UNITS, unitCount - 1]) {
    const proven = provenUnitSchema.parse((await get(`${id}/units/${unit}/receipt`)).json())
    if (proven.kind !== 'proof') throw new Error('The job has ended')
    const { receipt, proof, job } = proven
    expect(receipt.unit).toBe(unit)
    expect(proof).toMatchObject({ index: unit, size: unitCount })
    expect(checkProof(receiptLeaf(receipt), { ...proof, path: proof.path.map(hex) }, hex(job.root))).toBe(true)
    expect(
      checkProof(receiptLeaf({ ...receipt, settledAt: receipt.settledAt + 1 }), { ...proof, path: proof.path.map(hex) }, hex(job.root))
    ).toBe(false)
  }
})

it('while a job goes on, its receipt is provisional and each unit is signed by itself', async () => {
  const id = await publish(600)
  expect((await get(`${id}/units/0/receipt`)).json()).toMatchObject({ code: 'UNIT_NOT_SETTLED' })
  expect((await get(`${id}/receipt`)).json()).toMatchObject({ provisional: true, settled: 0, executionsPerUnit: null, endedAt: null })
  await compute()
  const proven = provenUnitSchema.parse((await get(`${id}/units/0/receipt`)).json())
  if (proven.kind !== 'signed') throw new Error('The job goes on')
  expect(await verify(proven.certificate.operational, 'unit-receipt', proven.receipt, proven.sig)).toBe(true)
  expect(await verify(proven.certificate.operational, 'unit-receipt', { ...proven.receipt, unit: 1 }, proven.sig)).toBe(false)
  parts.clock.advance(60_000)
  expect((await get(`${id}/receipt`)).json<{ settled: number }>().settled).toBeGreaterThan(0)
  const { holds, units } = await checked((await get(`${id}/download`)).body)
  expect({ holds, some: units > 0 }).toEqual({ holds: true, some: true })
})

it('a download holds, and names its coordinator', async () => {
  const id = await publish(4)
  await compute()
  const answer = await get(`${id}/download`)
  expect(answer.headers['content-disposition']).toBe(`attachment; filename="small-${id.slice(0, 8)}.verified.ndjson"`)
  const { root } = parts.keys.certificate
  const report = await checked(answer.body, root)
  expect(report.steps.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  expect(report).toMatchObject({ holds: true, units: 4, job: id })
  const stranger = (await generateKeyPair({ extractable: true })).publicKey
  expect((await checked(answer.body, stranger)).holds).toBe(false)
  expect(fromBase64Url(root)).toHaveLength(32)
})

it('a receipt says what has come since', async () => {
  const id = await publish(600)
  await compute()
  const before = jobReceiptSchema.parse((await get(`${id}/receipt`)).json())
  await parts.coordinator.cancel(id)
  const after = jobReceiptSchema.parse((await get(`${id}/receipt`)).json())
  expect(after).toMatchObject({ state: 'cancelled', provisional: false, settled: before.settled, root: before.root })
})

it('what is not there is said', async () => {
  const none = '0'.repeat(64)
  for (const path of [`${none}/receipt`, `${none}/units/1/receipt`, `${none}/download`])
    expect((await get(path)).json()).toMatchObject({ code: 'JOB_NOT_FOUND' })
  const id = await publish(4)
  expect((await get(`${id}/units/x/receipt`)).json()).toMatchObject({ code: 'REQUEST_INVALID' })
  expect((await get(`${id}/units/99/receipt`)).json()).toMatchObject({ code: 'UNIT_NOT_SETTLED' })
})
