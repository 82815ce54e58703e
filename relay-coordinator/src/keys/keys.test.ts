import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromBase64Url, verifyCoordinatorCertificate } from '@peercompute/job-specs'
import { peerIdOfKey } from '@peercompute/p2p'
import { peerKeyFromSeed } from '@peercompute/p2p/relay'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { loadAdminToken, replaceAdminToken } from './admin-token.ts'
import { exportKeys, loadCoordinatorKeys, recoverKeys, rotateOperationalKey } from './coordinator-keys.ts'
import { keySeed } from './key-file.ts'

const NOW = 1_700_000_000_000
let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let folder: string

beforeEach(async () => {
  temporary = await temporaryFolder()
  folder = temporary.path
})
afterEach(async () => {
  await temporary[Symbol.asyncDispose]()
})

describe('the keys of a coordinator', () => {
  it('are made once, kept for the owner only, and the same ever after', async () => {
    const first = await loadCoordinatorKeys(folder, NOW)
    const second = await loadCoordinatorKeys(folder, NOW + 1)
    expect(second.certificate).toEqual(first.certificate)
    expect([second.operational, second.custodial, second.peer].map(({ publicKey }) => publicKey)).toEqual(
      [first.operational, first.custodial, first.peer].map(({ publicKey }) => publicKey)
    )
    expect(await verifyCoordinatorCertificate(first.certificate, first.certificate.root)).toBe(true)
    for (const name of await readdir(folder)) expect([name, (await stat(join(folder, name))).mode & 0o777]).toEqual([name, 0o600])
    // libp2p reads the same key as everybody else.
    const peerKey = await peerKeyFromSeed(await keySeed(first.peer))
    expect(peerIdOfKey(peerKey)).toBe(peerIdOfKey(await peerKeyFromSeed(await keySeed(second.peer))))
    expect(peerKey.slice(-32)).toEqual(fromBase64Url(first.peer.publicKey))
  })

  it('can be read by openssl', async () => {
    await loadCoordinatorKeys(folder, NOW)
    expect(execFileSync('openssl', ['pkey', '-in', join(folder, 'root.key'), '-noout', '-text'], { encoding: 'utf8' })).toContain('ED25519')
  })

  it('work without the root key, which only a rotation needs', async () => {
    const before = await loadCoordinatorKeys(folder, NOW)
    await rm(join(folder, 'root.key'))
    expect((await loadCoordinatorKeys(folder, NOW)).certificate).toEqual(before.certificate)
    await expect(rotateOperationalKey(folder, NOW)).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })

  it('rotate under the same root with a higher serial', async () => {
    const before = await loadCoordinatorKeys(folder, NOW)
    const certificate = await rotateOperationalKey(folder, NOW + 5)
    const after = await loadCoordinatorKeys(folder, NOW + 9)
    expect(after.certificate).toEqual(certificate)
    expect(certificate).toMatchObject({ root: before.certificate.root, serial: 2, issuedAt: NOW + 5 })
    expect(after.operational.publicKey).not.toBe(before.operational.publicKey)
    expect(after.peer.publicKey).toBe(before.peer.publicKey)
    expect(await verifyCoordinatorCertificate(certificate, before.certificate.root)).toBe(true)
  })

  it('come back from an export, which says nothing without its passphrase', async () => {
    const before = await loadCoordinatorKeys(folder, NOW)
    const bundle = await exportKeys(folder, 'a long passphrase')
    expect(bundle.match(/BEGIN ENCRYPTED PRIVATE KEY/g)).toHaveLength(4)
    expect(bundle).not.toContain('BEGIN PRIVATE KEY')
    await using elsewhere = await temporaryFolder()
    await expect(recoverKeys(elsewhere.path, bundle, 'another')).rejects.toMatchObject({ code: 'KEY_INVALID' })
    expect(await readdir(elsewhere.path)).toEqual([])
    await recoverKeys(elsewhere.path, bundle, 'a long passphrase')
    const after = await loadCoordinatorKeys(elsewhere.path, NOW + 1)
    expect(after.certificate).toEqual(before.certificate)
    expect([after.operational, after.custodial, after.peer].map(({ publicKey }) => publicKey)).toEqual(
      [before.operational, before.custodial, before.peer].map(({ publicKey }) => publicKey)
    )
    expect((await rotateOperationalKey(elsewhere.path, NOW)).serial).toBe(2)
  })

  it('are never replaced by those of another coordinator', async () => {
    await loadCoordinatorKeys(folder, NOW)
    await using other = await temporaryFolder()
    await loadCoordinatorKeys(other.path, NOW)
    await expect(recoverKeys(folder, await exportKeys(other.path, 'x'), 'x')).rejects.toMatchObject({ code: 'KEY_INVALID' })
    await expect(recoverKeys(folder, '{}', 'x')).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })

  it.each([
    ['rubbish', 'custodial.key', 'not a key'],
    ['a key of another kind', 'peer.key', execFileSync('openssl', ['genpkey', '-algorithm', 'X25519'], { encoding: 'utf8' })],
    ['a damaged certificate', 'operational.json', '{"certificate":{}}']
  ])('are refused when a file holds %s', async (_what, name, content) => {
    await loadCoordinatorKeys(folder, NOW)
    await writeFile(join(folder, name), content)
    await expect(loadCoordinatorKeys(folder, NOW)).rejects.toMatchObject({ code: 'KEY_INVALID' })
    expect(await readFile(join(folder, name), 'utf8')).toBe(content)
  })

  it('are refused when others can read them', async () => {
    await loadCoordinatorKeys(folder, NOW)
    await chmod(join(folder, 'custodial.key'), 0o644)
    await expect(loadCoordinatorKeys(folder, NOW)).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })
})

describe('the admin token', () => {
  it('is shown once and only its hash is kept', async () => {
    const first = await loadAdminToken(folder)
    const token = first.fresh ?? ''
    expect(token).toMatch(/^pc_[A-Za-z0-9_-]{43}$/)
    expect(await readFile(join(folder, 'admin-token.sha256'), 'utf8')).not.toContain(token)
    const later = await loadAdminToken(folder)
    expect([later.fresh, later.accepts(token), later.accepts(`${token}x`), later.accepts('')]).toEqual([null, true, false, false])
  })

  it('can be replaced, which ends the old one', async () => {
    const { fresh } = await loadAdminToken(folder)
    const replaced = await replaceAdminToken(folder)
    const now = await loadAdminToken(folder)
    expect([now.accepts(fresh ?? ''), now.accepts(replaced)]).toEqual([false, true])
  })

  it('is refused when its file is damaged', async () => {
    await loadAdminToken(folder)
    await writeFile(join(folder, 'admin-token.sha256'), 'short')
    await expect(loadAdminToken(folder)).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })
})
