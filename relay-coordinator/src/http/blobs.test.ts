import { connect, type AddressInfo } from 'node:net'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { generateKeyPair, sha256Hex, signSpec, utf8, type ContentHash } from '@peercompute/job-specs'
import { until } from '@peercompute/p2p/testing'
import { openBlobFolder } from '../blobs/blob-folder.ts'
import { smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

const ELSEWHERE = { remoteAddress: '203.0.113.9' }
const bytes = utf8('export default function compute() {}')
const sha256 = sha256Hex(bytes)
let parts: TestApp

beforeEach(async () => {
  parts = await createTestApp()
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

const put = (name: string, payload: Uint8Array, options: { headers?: Record<string, string>; remoteAddress?: string } = {}) =>
  parts.app.inject({ method: 'PUT', url: `/api/v1/blobs/${name}`, payload: Buffer.from(payload), ...options })

async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name)
}

it('stores bytes under their hash, once, and serves them as something that cannot run', async () => {
  const stored = await put(sha256, bytes)
  expect([stored.statusCode, stored.json()]).toEqual([201, { sha256, bytes: bytes.length, created: true }])
  expect((await put(sha256, bytes)).statusCode).toBe(200)
  const served = await parts.app.inject(`/api/v1/blobs/${sha256}`)
  expect(new Uint8Array(served.rawPayload)).toEqual(bytes)
  expect(served.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="${sha256}"`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'content-length': String(bytes.length),
    etag: `"${sha256}"`
  })
  const head = await parts.app.inject({ method: 'HEAD', url: `/api/v1/blobs/${sha256}` })
  expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, String(bytes.length), ''])
  expect((await parts.app.inject({ url: `/api/v1/blobs/${sha256}`, headers: { 'if-none-match': `"${sha256}"` } })).statusCode).toBe(304)
})

it('serves a part of the bytes to who goes on with a transfer that broke off', async () => {
  await put(sha256, bytes)
  const url = `/api/v1/blobs/${sha256}`
  const part = await parts.app.inject({ url, headers: { range: 'bytes=7-', 'if-range': `"${sha256}"` } })
  expect(part.statusCode).toBe(206)
  expect(new Uint8Array(part.rawPayload)).toEqual(bytes.subarray(7))
  expect(part.headers).toMatchObject({
    'content-range': `bytes 7-${bytes.length - 1}/${bytes.length}`,
    'content-length': String(bytes.length - 7),
    'accept-ranges': 'bytes',
    'content-security-policy': "default-src 'none'; sandbox"
  })
  const behind = await parts.app.inject({ url, headers: { range: `bytes=${bytes.length}-` } })
  expect([behind.statusCode, behind.headers['content-range'], behind.body]).toEqual([416, `bytes */${bytes.length}`, ''])
  const changed = await parts.app.inject({ url, headers: { range: 'bytes=7-', 'if-range': '"another"' } })
  expect([changed.statusCode, changed.rawPayload.length]).toEqual([200, bytes.length])
})

it('takes the bytes whatever type they are said to have, also none at all', async () => {
  const empty = sha256Hex(new Uint8Array(0))
  expect((await put(empty, new Uint8Array(0))).json()).toMatchObject({ created: true, bytes: 0 })
  expect((await put(sha256, bytes, { headers: { 'content-type': 'application/json' } })).statusCode).toBe(201)
})

it('refuses bytes that do not match, and keeps nothing of them', async () => {
  const response = await put(sha256, utf8('something else'))
  expect(response.json()).toMatchObject({ code: 'BLOB_MISMATCH', status: 422 })
  expect(await parts.blobs.size(sha256 as ContentHash)).toBeNull()
  expect((await filesOf(parts.folder)).filter((name) => name === sha256)).toEqual([])
  expect(await readdir(join(parts.folder, 'uploads'))).toEqual([])
})

it.each(['..%2f..%2fadmin-token.sha256', 'admin-token.sha256', `${sha256.slice(0, 62)}..`, sha256.toUpperCase(), `${sha256}%00`])(
  'does not take %s for a name',
  async (name) => {
    for (const response of [await put(name, bytes), await parts.app.inject(`/api/v1/blobs/${name}`)])
      expect([400, 404]).toContain(response.statusCode)
  }
)

it('says that a blob is not there', async () => {
  expect((await parts.app.inject(`/api/v1/blobs/${sha256}`)).json()).toMatchObject({ code: 'BLOB_NOT_FOUND', status: 404 })
  expect((await parts.app.inject({ method: 'HEAD', url: `/api/v1/blobs/${sha256}` })).statusCode).toBe(404)
})

it('lets anybody upload what a published job waits for, and nothing else; the last blob starts the job', async () => {
  expect((await put(sha256, bytes, ELSEWHERE)).json()).toMatchObject({ code: 'TOKEN_REQUIRED' })
  const signed = await signSpec(await generateKeyPair({ extractable: true }), smallSpec())
  const answer = (await parts.app.inject({ method: 'POST', url: '/api/v1/jobs', payload: signed, ...ELSEWHERE })).json<{
    id: string
    state: string
    missingBlobs: string[]
  }>()
  expect([answer.state, answer.missingBlobs.length]).toEqual(['queued', 2])
  expect((await put(sha256, utf8('longer than the job has announced it: refused before it is read'), ELSEWHERE)).json()).toMatchObject({
    code: 'BLOB_TOO_LARGE',
    status: 413
  })
  expect((await put(sha256, bytes, ELSEWHERE)).statusCode).toBe(201)
  expect((await put(sha256Hex(utf8('wasm')), utf8('wasm'), ELSEWHERE)).statusCode).toBe(201)
  expect((await parts.app.inject(`/api/v1/jobs/${answer.id}`)).json()).toMatchObject({ state: 'running' })
})

it('stops an upload that grows over its limit while it comes, and keeps nothing', async () => {
  let sent = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      sent += 1_000
      yield new Uint8Array(1_000)
    }
  }
  await expect(parts.blobs.put(sha256 as ContentHash, endless(), 10_000)).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' })
  expect(sent).toBeLessThan(20_000)
  expect(await readdir(join(parts.folder, 'uploads'))).toEqual([])
})

it('keeps nothing of an upload whose client goes away in the middle', async () => {
  await parts.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = parts.app.server.address() as AddressInfo
  const uploads = join(parts.folder, 'uploads')
  const socket = connect(port, '127.0.0.1')
  socket.write(`PUT /api/v1/blobs/${sha256} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1000000\r\n\r\nfirst part`)
  await until(async () => (await readdir(uploads)).length === 1, 'the upload has begun')
  socket.destroy()
  await until(async () => (await readdir(uploads)).length === 0, 'the unfinished file is gone')
  expect(await parts.blobs.size(sha256 as ContentHash)).toBeNull()
})

it('clears what a killed process left behind, and notices a blob that the disk has changed', async () => {
  await put(sha256, bytes)
  await writeFile(join(parts.folder, 'uploads', 'leftover'), 'half')
  const reopened = await openBlobFolder(parts.folder)
  expect(await readdir(join(parts.folder, 'uploads'))).toEqual([])
  expect(await reopened.read(sha256 as ContentHash)).toEqual(bytes)
  const path = join(parts.folder, sha256.slice(0, 2), sha256)
  expect(new Uint8Array(await readFile(path))).toEqual(bytes)
  await writeFile(path, 'rot')
  await expect(reopened.read(sha256 as ContentHash)).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
})
