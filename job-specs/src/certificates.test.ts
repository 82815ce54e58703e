/** Golden certificates, made with node:crypto from keys of 32 equal bytes, and what does not hold. */
import { expect, test } from 'vitest'
import { fromBase64Url } from './bytes.ts'
import {
  certifyCoordinator,
  certifyHost,
  coordinatorCertificateSchema,
  hostCertificateSchema,
  verifyCoordinatorCertificate,
  verifyHostCertificate
} from './certificates.ts'
import { importPrivateKey, sign } from './keys.ts'

const pkcs8 = (seed: string) => importPrivateKey(fromBase64Url(`MC4CAQAwBQYDK2VwBCIEI${seed}`))
const host = await pkcs8('AEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB')
const account = await pkcs8('AICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC')
const root = await pkcs8('AMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD')
const TIME = 1_750_000_000_000

test('a host certificate has these fields and this signature', async () => {
  expect(await certifyHost(account, host.publicKey, 'attic', TIME)).toEqual({
    v: 1,
    account: 'gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q',
    host: 'iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w',
    label: 'attic',
    issuedAt: TIME,
    sig: 'Lcin6IwarDfweUNLdzLxAq4qxE8Tx-24gbCOArWb520nfugPo24sGZCg7mXfrKCBWD1Z1lTuHSWrx_pP3XCnCg'
  })
})

test('a coordinator certificate has these fields and this signature', async () => {
  expect(await certifyCoordinator(root, host.publicKey, 2, TIME)).toEqual({
    v: 1,
    root: '7UkoxijRwsbq6QM4kFmVYSlZJzpcY_k2NsFGFKyHN9E',
    operational: host.publicKey,
    serial: 2,
    issuedAt: TIME,
    sig: 'BuxB1MPTXNYEnlbHngnBeFw-aXniDFL3BKQjRwW1bW9r--e5EtrShYPXzndiCh7M7CAZmYbsIjyJNlHEZjhOBA'
  })
})

test('a host certificate with any field changed does not hold', async () => {
  const certificate = await certifyHost(account, host.publicKey, 'attic', TIME)
  expect(await verifyHostCertificate(certificate)).toBe(true)
  for (const change of [{ account: root.publicKey }, { host: root.publicKey }, { label: 'cellar' }, { issuedAt: TIME + 1 }]) {
    expect(await verifyHostCertificate(hostCertificateSchema.parse({ ...certificate, ...change }))).toBe(false)
  }
})

test('a coordinator certificate holds for the pinned root only, and with no field changed', async () => {
  const certificate = await certifyCoordinator(root, host.publicKey, 2, TIME)
  expect(await verifyCoordinatorCertificate(certificate, root.publicKey)).toBe(true)
  expect(await verifyCoordinatorCertificate(certificate, account.publicKey)).toBe(false)
  for (const change of [{ operational: account.publicKey }, { serial: 3 }, { issuedAt: TIME + 1 }]) {
    expect(await verifyCoordinatorCertificate(coordinatorCertificateSchema.parse({ ...certificate, ...change }), root.publicKey)).toBe(
      false
    )
  }
  const usurped = coordinatorCertificateSchema.parse({ ...certificate, root: account.publicKey })
  expect(await verifyCoordinatorCertificate(usurped, account.publicKey)).toBe(false)
})

test('a signature made for another purpose certifies nobody', async () => {
  const { sig, ...body } = await certifyHost(account, host.publicKey, 'attic', TIME)
  expect(sig).toHaveLength(86)
  const wrong = hostCertificateSchema.parse({ ...body, sig: await sign(account, 'record', body) })
  expect(await verifyHostCertificate(wrong)).toBe(false)
})

test('unknown fields, short keys and long labels are no certificate', async () => {
  const certificate = await certifyHost(account, host.publicKey, 'attic', TIME)
  for (const change of [{ extra: 1 }, { host: 'short' }, { label: 'x'.repeat(65) }, { v: 2 }, { sig: 'A'.repeat(85) }]) {
    expect(hostCertificateSchema.safeParse({ ...certificate, ...change }).success).toBe(false)
  }
})
