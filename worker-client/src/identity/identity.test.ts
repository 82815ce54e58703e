import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyHostCertificate } from '@peercompute/job-specs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFolderIdentityStore } from './folder-identity-store.ts'
import { createIdentity, exportIdentity, importIdentity, loadOrCreateIdentity, type NewIdentityOptions } from './identity.ts'

const OPTIONS: NewIdentityOptions = { label: 'Workshop', now: 1_700_000_000_000, extractableHost: true }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peercompute-identity-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('identity', () => {
  it('is an account, a host key, and a certificate of the one for the other', async () => {
    const identity = await createIdentity(OPTIONS)
    expect(identity.certificate).toMatchObject({ account: identity.account.publicKey, host: identity.host.publicKey, label: 'Workshop' })
    expect(await verifyHostCertificate(identity.certificate)).toBe(true)
  })

  it('goes to another device as the same account with another host key', async () => {
    const here = await createIdentity({ ...OPTIONS, extractableHost: false })
    const there = await importIdentity(JSON.parse(JSON.stringify(await exportIdentity(here))), OPTIONS)
    expect(there.account.publicKey).toBe(here.account.publicKey)
    expect(there.host.publicKey).not.toBe(here.host.publicKey)
    expect(await verifyHostCertificate(there.certificate)).toBe(true)
  })

  it.each<[string, (exported: Record<string, unknown>) => unknown]>([
    ['nothing', () => null],
    ['an unknown field', (exported) => ({ ...exported, extra: 1 })],
    ['a key that is no key', (exported) => ({ ...exported, privateKey: 'A'.repeat(64) })],
    ['the key of another account', (exported) => ({ ...exported, account: 'A'.repeat(43) })]
  ])('refuses to import %s', async (_name, spoil) => {
    const exported = { ...(await exportIdentity(await createIdentity(OPTIONS))) }
    await expect(importIdentity(spoil(exported), OPTIONS)).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })
})

describe('createFolderIdentityStore', () => {
  const path = () => join(folder, 'identity.json')

  it('keeps the identity in a file that only its owner reads', async () => {
    const created = await loadOrCreateIdentity(createFolderIdentityStore(folder), OPTIONS)
    const loaded = await loadOrCreateIdentity(createFolderIdentityStore(folder), OPTIONS)
    expect(loaded.certificate).toEqual(created.certificate)
    expect((await stat(path())).mode & 0o777).toBe(0o600)
  })

  it('lets the first of two programs win that start together', async () => {
    const both = await Promise.all([1, 2, 3].map(() => loadOrCreateIdentity(createFolderIdentityStore(folder), OPTIONS)))
    expect(new Set(both.map(({ certificate }) => certificate.host)).size).toBe(1)
  })

  it('puts an imported account in its place', async () => {
    const store = createFolderIdentityStore(folder)
    await loadOrCreateIdentity(store, OPTIONS)
    const other = await createIdentity(OPTIONS)
    await store.replace(other)
    expect((await store.load())?.certificate).toEqual(other.certificate)
  })

  it.each<[string, (text: string) => string]>([
    ['is not JSON', () => '{'],
    ['lacks a field', (text) => text.replace('"hostKey"', '"key"')],
    ['is cut off', (text) => text.slice(0, text.length / 2)],
    ['names another account', (text) => text.replace(/"account": "./, '"account": "_')],
    ['has a changed label, so that the signature fails', (text) => text.replace('Workshop', 'Kitchen')]
  ])('refuses a file that %s, and leaves it there', async (_name, spoil) => {
    const store = createFolderIdentityStore(folder)
    await loadOrCreateIdentity(store, OPTIONS)
    const spoilt = spoil(await readFile(path(), 'utf8'))
    await writeFile(path(), spoilt)
    await expect(loadOrCreateIdentity(store, OPTIONS)).rejects.toMatchObject({ code: 'KEY_INVALID' })
    expect(await readFile(path(), 'utf8')).toBe(spoilt)
  })

  it('says so when the file cannot be read', async () => {
    const store = createFolderIdentityStore(folder)
    await mkdir(path())
    await expect(store.load()).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })
})
