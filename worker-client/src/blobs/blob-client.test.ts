import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BLOB_CHUNK_BYTES, blobRef, PeerComputeError, utf8, type BlobRef, type Bytes } from '@peercompute/job-specs'
import { BLOB_PROTOCOL } from '@peercompute/job-specs/protocol'
import type { PeerNode } from '@peercompute/p2p'
import { until } from '@peercompute/p2p/testing'
import { createTestNetwork } from '@peercompute/p2p/testing/network'
import { systemClock } from '@peercompute/p2p/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBlobClient, type BlobClient } from './blob-client.ts'
import type { BlobDisk } from './blob-disk.ts'
import { createBlobStore, type BlobStore } from './blob-store.ts'
import { createMemoryBlobDisk } from './memory-blob-disk.ts'

const BYTES = utf8('the bytes of a kernel'.repeat(40_000))
const REF = blobRef(BYTES)
const network = createTestNetwork()
let server: Server | undefined
/** `Range` of every request that came, undefined for none. */
let asked: (string | undefined)[]

beforeEach(() => {
  asked = []
})
afterEach(async () => {
  server?.closeAllConnections()
  await server?.[Symbol.asyncDispose]()
  server = undefined
  await network.stop()
})

async function clientOf(
  answer: RequestListener,
  store: BlobStore = createBlobStore({ disk: createMemoryBlobDisk() })
): Promise<BlobClient> {
  const started = createServer((request, response) => {
    asked.push(request.headers.range)
    answer(request, response)
  })
  server = started
  await new Promise<void>((resolve) => {
    started.listen(0, '127.0.0.1', resolve)
  })
  const coordinator = `http://127.0.0.1:${(started.address() as AddressInfo).port}/compute/`
  return createBlobClient({ coordinator, fetch: globalThis.fetch, clock: systemClock, random: () => 0, store })
}

/** Serves parts as the coordinator does; breaks off after `most` bytes when given. */
function serving(bytes: Bytes, most = Infinity): RequestListener {
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const headers = {
      'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      'content-length': String(bytes.length - start)
    }
    response.writeHead(start > 0 ? 206 : 200, headers)
    if (bytes.length - start <= most) response.end(bytes.subarray(start))
    else response.write(bytes.subarray(start, start + most), () => response.destroy())
  }
}

async function keep(store: BlobStore, bytes: Bytes): Promise<BlobRef> {
  const writer = await store.writer(blobRef(bytes))
  await writer.append(bytes)
  await writer.commit()
  await writer.close()
  return writer.ref
}

describe('a blob from the coordinator', () => {
  it('is fetched by hash, below the path of the coordinator, once', async () => {
    const paths: string[] = []
    const client = await clientOf((request, response) => {
      paths.push(request.url ?? '')
      serving(BYTES)(request, response)
    })
    expect(await Promise.all([client.fetch(REF), client.fetch(REF)])).toEqual([BYTES, BYTES])
    expect(await client.fetch(REF)).toEqual(BYTES)
    expect(paths).toEqual([`/compute/api/v1/blobs/${REF.sha256}`])
  })

  it('is gone on with when it breaks off', async () => {
    const client = await clientOf(serving(BYTES, 300_000))
    expect(await client.fetch(REF)).toEqual(BYTES)
    expect(asked).toEqual([undefined, 'bytes=300000-', 'bytes=600000-'])
  })

  it('is gone on with after a restart', async () => {
    const disk = createMemoryBlobDisk()
    const before = await createBlobStore({ disk }).writer(REF)
    await before.append(BYTES.subarray(0, BLOB_CHUNK_BYTES))
    await before.close()
    const client = await clientOf(serving(BYTES), createBlobStore({ disk }))
    expect(await client.fetch(REF)).toEqual(BYTES)
    expect(asked).toEqual([`bytes=${BLOB_CHUNK_BYTES}-`])
  })

  it('is fetched anew when a beginning that lay here was wrong', async () => {
    const disk = createMemoryBlobDisk()
    await disk.append(REF.sha256, 0, new Uint8Array(BLOB_CHUNK_BYTES))
    const client = await clientOf(serving(BYTES), createBlobStore({ disk }))
    expect(await client.fetch(REF)).toEqual(BYTES)
    expect(asked).toEqual([`bytes=${BLOB_CHUNK_BYTES}-`, undefined])
  })

  it('comes from a server that knows no parts, too', async () => {
    let first = true
    const client = await clientOf((_request, response) => {
      response.writeHead(200, { 'content-length': String(BYTES.length) })
      if (first) response.write(BYTES.subarray(0, 10), () => response.destroy())
      else response.end(BYTES)
      first = false
    })
    expect(await client.fetch(REF)).toEqual(BYTES)
  })

  it.each<[string, RequestListener, string]>([
    ['other bytes of the same length', (_request, response) => response.end(BYTES.map((byte) => byte ^ 1)), 'BLOB_MISMATCH'],
    ['too few bytes', (_request, response) => response.end(BYTES.subarray(1)), 'BLOB_MISMATCH'],
    ['an unknown blob', (_request, response) => response.writeHead(404).end(), 'BLOB_NOT_FOUND'],
    ['a coordinator in trouble', (_request, response) => response.writeHead(503).end(), 'COORDINATOR_UNREACHABLE'],
    [
      'a transfer that breaks off again and again',
      (_request, response) => {
        response.writeHead(200, { 'content-length': String(BYTES.length) })
        response.write(BYTES.subarray(0, 10), () => response.destroy())
      },
      'COORDINATOR_UNREACHABLE'
    ],
    [
      'another part than was asked for',
      (request, response) => {
        if (request.headers.range === undefined) serving(BYTES, 300_000)(request, response)
        else response.writeHead(206, { 'content-range': `bytes 5-${BYTES.length - 1}/${BYTES.length}` }).end(BYTES.subarray(5))
      },
      'BLOB_MISMATCH'
    ]
  ])('is refused: %s', async (_name, answer, code) => {
    await expect((await clientOf(answer)).fetch(REF)).rejects.toMatchObject({ code })
  })

  it('is read no further than its id allows', async () => {
    let sent = 0
    const client = await clientOf((_request, response) => {
      const more = () => {
        if (response.destroyed) return
        sent += 65_536
        response.write(new Uint8Array(65_536), more)
      }
      more()
    })
    await expect(client.fetch(REF)).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
    expect(sent).toBeLessThan(64 * 1_048_576)
  })
})

describe('a blob that is held', () => {
  it('is fetched again when the disk has changed it', async () => {
    const disk = createMemoryBlobDisk()
    await keep(createBlobStore({ disk }), BYTES)
    let rotten = true
    const flip = (bytes: Bytes): Bytes => bytes.map((byte) => (rotten ? byte ^ 1 : byte))
    const store = createBlobStore({
      disk: {
        ...disk,
        read: async (...args) => flip(await disk.read(...args)),
        async remove(sha256) {
          rotten = false
          await disk.remove(sha256)
        }
      }
    })
    expect(await (await clientOf(serving(BYTES), store)).fetch(REF)).toEqual(BYTES)
    expect(asked).toEqual([undefined])
  })

  it('is not what an id with another size means', async () => {
    const store = createBlobStore({ disk: createMemoryBlobDisk() })
    await keep(store, BYTES)
    const client = await clientOf(serving(BYTES), store)
    await expect(client.fetch({ ...REF, bytes: REF.bytes + 1 })).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
    expect(asked).toEqual([])
  })

  it('is not needed to compute: a disk that takes nothing is passed by', async () => {
    const full: BlobDisk = { ...createMemoryBlobDisk(), append: () => Promise.reject(new PeerComputeError('STORE_FULL', 'full')) }
    expect(await (await clientOf(serving(BYTES), createBlobStore({ disk: full }))).fetch(REF)).toEqual(BYTES)
    expect(await (await clientOf(serving(BYTES), createBlobStore({ disk: createMemoryBlobDisk(), maxBytes: 10 }))).fetch(REF)).toEqual(
      BYTES
    )
  })
})

async function waitForProtocol(node: PeerNode, peer: PeerNode): Promise<void> {
  const speaks = async () => (await node.peerStore.get(peer.peerId)).protocols.includes(BLOB_PROTOCOL)
  await until(speaks, 'the peer has said that it serves blobs')
}

describe('a blob from peers', () => {
  it('is asked for before the coordinator is, kept, and served on', async () => {
    const [one, two, three] = await Promise.all([network.relay(), network.relay(), network.relay()])
    await two.dial(one.getMultiaddrs())
    const nobody: RequestListener = (_request, response) => response.writeHead(503).end()
    const first = createBlobStore({ disk: createMemoryBlobDisk() })
    await keep(first, BYTES)
    const [holder, asker, last] = [await clientOf(nobody, first), await clientOf(nobody), await clientOf(nobody)]
    await holder.join({ node: one })
    await asker.join({ node: two })
    await waitForProtocol(two, one)
    expect(await asker.fetch(REF)).toEqual(BYTES)
    expect(asked).toEqual([])

    await last.join({ node: three })
    await three.dial(two.getMultiaddrs())
    await one.stop()
    await waitForProtocol(three, two)
    expect(await last.fetch(REF)).toEqual(BYTES)
  })

  it('that only began there comes to its end from the coordinator', async () => {
    const [one, two] = await Promise.all([network.relay(), network.relay()])
    await two.dial(one.getMultiaddrs())
    const store = createBlobStore({ disk: createMemoryBlobDisk() })
    await keep(store, BYTES)
    const source = {
      ...store,
      read: (sha256: Parameters<BlobStore['read']>[0], offset: number, length: number) =>
        offset === 0 ? store.read(sha256, offset, length) : Promise.reject(new Error('lost'))
    }
    const holder = await clientOf(serving(BYTES), source)
    await holder.join({ node: one })
    const asker = await clientOf(serving(BYTES))
    await asker.join({ node: two })
    await waitForProtocol(two, one)
    expect(await asker.fetch(REF)).toEqual(BYTES)
    expect(asked).toEqual([`bytes=${BLOB_CHUNK_BYTES}-`])
  })
})
