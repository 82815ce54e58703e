/** Content-addressed bytes. Names are hashes; what is served can neither run nor be sniffed into something that does. */
import { BLOB_MAX_BYTES, PeerComputeError } from '@peercompute/job-specs'
import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Access } from '../access.ts'
import { byteRange } from '../byte-range.ts'
import type { AppComponents } from '../components.ts'
import { RATE_WINDOW_MS, type RateLimits } from '../limits.ts'
import { binaryResponse, problemResponse } from '../problems.ts'
import { blobParams } from '../queries.ts'

type Components = Pick<AppComponents, 'blobs' | 'awaited' | 'coordinator' | 'metrics'> & {
  readonly access: Access
  readonly rateLimits: RateLimits
}

const storedSchema = z.object({ sha256: z.string(), bytes: z.int(), created: z.boolean() })

export const blobRoutes =
  ({ blobs, awaited, coordinator, metrics, access, rateLimits }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    // The body goes from the socket to the disk, whatever type it is said to have.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, payload, done) => {
      done(null, payload)
    })

    app.put(
      '/blobs/:sha256',
      {
        config: { rateLimit: { max: rateLimits.upload, timeWindow: RATE_WINDOW_MS } },
        schema: {
          summary: 'Store bytes under their SHA-256. Open for blobs that a published job waits for; others need a token.',
          params: blobParams,
          response: { 200: storedSchema, 201: storedSchema, ...problemResponse }
        }
      },
      async (request, reply) => {
        const { sha256 } = request.params
        const announced = awaited.bytes(sha256)
        if (announced === null) access.allow(request, 'publish')
        const maxBytes = announced ?? BLOB_MAX_BYTES
        const length = Number(request.headers['content-length'] ?? 0)
        if (length > maxBytes) throw new PeerComputeError('BLOB_TOO_LARGE', `${length} bytes are announced, ${maxBytes} are allowed`)
        const { created, bytes } = await blobs.put(sha256, request.raw, maxBytes)
        if (created) metrics.blobStored(bytes)
        await coordinator.blobArrived(sha256)
        awaited.arrived(sha256)
        return reply.code(created ? 201 : 200).send({ sha256, bytes, created })
      }
    )

    app.get(
      '/blobs/:sha256',
      {
        exposeHeadRoute: false,
        schema: {
          summary: 'The bytes of a blob, or the part that a Range header asks for',
          params: blobParams,
          response: {
            200: binaryResponse('The bytes', 'application/octet-stream'),
            206: binaryResponse('A part of the bytes', 'application/octet-stream'),
            ...problemResponse
          }
        }
      },
      async (request, reply) => {
        const { sha256 } = request.params
        const { 'if-none-match': known, 'if-range': resumed } = request.headers
        const size = await blobs.size(sha256)
        if (size === null) throw new PeerComputeError('BLOB_NOT_FOUND', `blob ${sha256} is not here`)
        if (known === `"${sha256}"`) return describe(reply, sha256).code(304).send()
        const range = resumed === undefined || resumed === `"${sha256}"` ? byteRange(request.headers.range, size) : null
        if (range === 'unsatisfiable') return describe(reply, sha256).header('content-range', `bytes */${size}`).code(416).send()
        const { start, end } = range ?? { start: 0, end: size }
        const { body } = await blobs.stream(sha256, { start, end })
        if (range !== null) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${size}`)
        return describe(reply, sha256)
          .header('content-length', end - start)
          .send(body)
      }
    )

    app.head(
      '/blobs/:sha256',
      {
        schema: { summary: 'Is the blob here, and how large is it', params: blobParams }
      },
      async ({ params: { sha256 } }, reply) => {
        const bytes = await blobs.size(sha256)
        if (bytes === null) throw new PeerComputeError('BLOB_NOT_FOUND', `blob ${sha256} is not here`)
        return describe(reply, sha256).header('content-length', bytes).send()
      }
    )
  }

function describe(reply: FastifyReply, sha256: string): FastifyReply {
  return reply.type('application/octet-stream').headers({
    'content-disposition': `attachment; filename="${sha256}"`,
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'public, max-age=31536000, immutable',
    'accept-ranges': 'bytes',
    etag: `"${sha256}"`
  })
}
