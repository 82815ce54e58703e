import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { blobRef, utf8 } from '@peercompute/job-specs'
import { afterEach, describe, expect, it } from 'vitest'
import { createBlobClient, type FetchBlob } from './blob-client.ts'

const BYTES = utf8('the bytes of a kernel'.repeat(1_000))
const REF = blobRef(BYTES)
let server: Server | undefined

afterEach(async () => {
  server?.closeAllConnections()
  await server?.[Symbol.asyncDispose]()
})

async function clientOf(answer: RequestListener): Promise<FetchBlob> {
  const started = createServer(answer)
  server = started
  await new Promise<void>((resolve) => {
    started.listen(0, '127.0.0.1', resolve)
  })
  return createBlobClient({ coordinator: `http://127.0.0.1:${(started.address() as AddressInfo).port}/compute/`, fetch: globalThis.fetch })
}

describe('createBlobClient', () => {
  it('fetches by hash, below the path of the coordinator', async () => {
    let asked = ''
    const fetchBlob = await clientOf((request, response) => {
      asked = request.url ?? ''
      response.end(BYTES)
    })
    expect(await fetchBlob(REF)).toEqual(BYTES)
    expect(asked).toBe(`/compute/api/v1/blobs/${REF.sha256}`)
  })

  it.each<[string, RequestListener, string]>([
    ['other bytes of the same length', (_request, response) => response.end(BYTES.map((byte) => byte ^ 1)), 'BLOB_MISMATCH'],
    ['too few bytes', (_request, response) => response.end(BYTES.subarray(1)), 'BLOB_MISMATCH'],
    ['an unknown blob', (_request, response) => response.writeHead(404).end(), 'BLOB_NOT_FOUND'],
    ['a coordinator in trouble', (_request, response) => response.writeHead(503).end(), 'COORDINATOR_UNREACHABLE'],
    [
      'a transfer that breaks off',
      (_request, response) => {
        response.writeHead(200, { 'content-length': String(BYTES.length) })
        response.write(BYTES.subarray(0, 10), () => response.destroy())
      },
      'COORDINATOR_UNREACHABLE'
    ]
  ])('refuses %s', async (_name, answer, code) => {
    await expect((await clientOf(answer))(REF)).rejects.toMatchObject({ code })
  })

  it('stops reading an endless answer as soon as it is longer than the blob', async () => {
    let sent = 0
    const fetchBlob = await clientOf((_request, response) => {
      const more = () => {
        if (response.destroyed) return
        sent += 65_536
        response.write(new Uint8Array(65_536), more)
      }
      more()
    })
    await expect(fetchBlob(REF)).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
    expect(sent).toBeLessThan(64 * 1_048_576)
  })
})
