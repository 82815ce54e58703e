import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BLOB_CHUNK_BYTES, blobRef, utf8, type BlobRef, type Bytes } from '@peercompute/job-specs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BlobDisk } from './blob-disk.ts'
import { createBlobStore, type BlobStore } from './blob-store.ts'
import { createFolderBlobDisk } from './folder-blob-disk.ts'
import { createMemoryBlobDisk } from './memory-blob-disk.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peercompute-blobs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function bytesOf(length: number, seed = 1): Bytes {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 13) + seed) & 0xff)
}

async function keep(store: BlobStore, bytes: Bytes): Promise<BlobRef> {
  const ref = blobRef(bytes)
  const writer = await store.writer(ref)
  await writer.append(bytes)
  expect(await writer.commit()).toBe(true)
  await writer.close()
  return ref
}

const held = async (store: BlobStore, ref: BlobRef): Promise<boolean> => (await store.size(ref.sha256)) !== null

describe.each<[string, () => BlobDisk]>([
  ['memory', createMemoryBlobDisk],
  ['a folder', () => createFolderBlobDisk(join(folder, 'blobs'))]
])('blobs in %s', (_name, openDisk) => {
  const bytes = bytesOf(2 * BLOB_CHUNK_BYTES + 77)
  const ref = blobRef(bytes)

  it.each([bytes.length, BLOB_CHUNK_BYTES, 10_007])(
    'are kept whole when they come in pieces of %i, and read in any part',
    async (piece) => {
      const disk = openDisk()
      const store = createBlobStore({ disk })
      const writer = await store.writer(ref)
      for (let at = 0; at < bytes.length; at += piece) await writer.append(bytes.subarray(at, at + piece))
      expect(await store.size(ref.sha256)).toBeNull()
      expect(await writer.commit()).toBe(true)
      await writer.close()
      for (const [offset, length] of [
        [0, bytes.length],
        [5, 10],
        [BLOB_CHUNK_BYTES - 3, 6],
        [2 * BLOB_CHUNK_BYTES, 77]
      ] as const)
        expect(await store.read(ref.sha256, offset, length)).toEqual(bytes.subarray(offset, offset + length))
      await expect(store.read(ref.sha256, bytes.length - 1, 2)).rejects.toThrow()
      expect(await createBlobStore({ disk }).size(ref.sha256)).toBe(bytes.length)
    }
  )

  it('may be empty', async () => {
    const disk = openDisk()
    const empty = await keep(createBlobStore({ disk }), bytesOf(0))
    expect(await createBlobStore({ disk }).size(empty.sha256)).toBe(0)
  })

  it('are dropped when they hash to something else', async () => {
    const disk = openDisk()
    const store = createBlobStore({ disk })
    const writer = await store.writer(ref)
    await writer.append(bytes.map((byte) => byte ^ 1))
    expect(await writer.commit()).toBe(false)
    expect(writer.length).toBe(0)
    await writer.append(bytes)
    expect(await writer.commit()).toBe(true)
    await writer.close()
    expect(await store.read(ref.sha256, 0, 100)).toEqual(bytes.subarray(0, 100))
  })

  it('take no more than their id says', async () => {
    const writer = await createBlobStore({ disk: openDisk() }).writer(ref)
    await writer.append(bytes)
    await expect(writer.append(Uint8Array.of(1))).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
  })

  it('are gone on with after a restart, from the last whole chunk', async () => {
    const disk = openDisk()
    const before = await createBlobStore({ disk }).writer(ref)
    await before.append(bytes.subarray(0, BLOB_CHUNK_BYTES + 500))
    await before.close()
    const store = createBlobStore({ disk })
    const after = await store.writer(ref)
    expect(after.length).toBe(BLOB_CHUNK_BYTES)
    await after.append(bytes.subarray(BLOB_CHUNK_BYTES))
    expect(await after.commit()).toBe(true)
    await after.close()
    expect(await store.read(ref.sha256, 0, bytes.length)).toEqual(bytes)
  })

  it('have one writer each', async () => {
    const store = createBlobStore({ disk: openDisk() })
    const writer = await store.writer(ref)
    await expect(store.writer(ref)).rejects.toMatchObject({ code: 'INTERNAL' })
    await writer.close()
    await (await store.writer(ref)).close()
    expect(await store.held()).toEqual([])
  })

  it('give way to newer ones within the budget, the least recently used first', async () => {
    const store = createBlobStore({ disk: openDisk(), maxBytes: 2_500 })
    const [first, second] = [await keep(store, bytesOf(1_000, 1)), await keep(store, bytesOf(1_000, 2))]
    await store.size(first.sha256)
    const third = await keep(store, bytesOf(1_000, 3))
    expect(await Promise.all([first, second, third].map((one) => held(store, one)))).toEqual([true, false, true])
    await expect(store.writer(blobRef(bytesOf(2_501)))).rejects.toMatchObject({ code: 'STORE_FULL' })
    await expect(store.read(second.sha256, 0, 1)).rejects.toThrow()
  })

  it('are dropped when nobody wants them, beginnings too, but not under a writer', async () => {
    const store = createBlobStore({ disk: openDisk() })
    const [wanted, unwanted] = [await keep(store, bytesOf(10, 1)), await keep(store, bytesOf(10, 2))]
    const begun = await store.writer(blobRef(bytesOf(2 * BLOB_CHUNK_BYTES, 3)))
    await begun.append(bytesOf(2 * BLOB_CHUNK_BYTES, 3).subarray(0, BLOB_CHUNK_BYTES))
    await begun.close()
    const writing = await store.writer(ref)
    await store.retain(new Set([wanted.sha256]))
    expect(await held(store, unwanted)).toBe(false)
    expect(await store.held()).toEqual([wanted.sha256, ref.sha256])
    await writing.append(bytes)
    expect(await writing.commit()).toBe(true)
  })
})

describe('blobs in a folder', () => {
  const path = (): string => join(folder, 'blobs')

  it('survive a process that died while it wrote', async () => {
    const bytes = bytesOf(2 * BLOB_CHUNK_BYTES)
    const ref = blobRef(bytes)
    const before = await createBlobStore({ disk: createFolderBlobDisk(path()) }).writer(ref)
    await before.append(bytes.subarray(0, BLOB_CHUNK_BYTES))
    await appendFile(join(path(), `${ref.sha256}.part`), 'torn')
    const store = createBlobStore({ disk: createFolderBlobDisk(path()) })
    const after = await store.writer(ref)
    await after.append(bytes.subarray(BLOB_CHUNK_BYTES))
    expect(await after.commit()).toBe(true)
    await after.close()
    expect(await store.read(ref.sha256, 0, bytes.length)).toEqual(bytes)
    expect(await readdir(path())).toEqual([ref.sha256])
  })

  it('are told apart from other files', async () => {
    const store = createBlobStore({ disk: createFolderBlobDisk(path()) })
    await keep(store, utf8('one'))
    await writeFile(join(path(), 'notes.txt'), 'mine')
    expect(await createBlobStore({ disk: createFolderBlobDisk(path()) }).held()).toHaveLength(1)
    await store.retain(new Set())
    expect(await readdir(path())).toEqual(['notes.txt'])
  })
})
