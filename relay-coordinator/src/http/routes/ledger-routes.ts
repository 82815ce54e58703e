/** The whole ledger by plain HTTP: a short cut for newcomers, before any peer is connected. Peers bring the same. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { createLedgerExporter } from '../../ledger/exported-ledger.ts'
import type { AppComponents } from '../components.ts'
import { RATE_WINDOW_MS, type RateLimits } from '../limits.ts'
import { binaryResponse, problemResponse } from '../problems.ts'

type Components = Pick<AppComponents, 'ledger' | 'clock'> & { readonly rateLimits: RateLimits }

export const ledgerRoutes =
  ({ ledger, clock, rateLimits }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    if (ledger === undefined) return
    const exporter = createLedgerExporter(ledger, clock)
    app.addHook('onClose', async () => {
      exporter.close()
    })
    app.get(
      '/ledger',
      {
        exposeHeadRoute: false,
        config: { rateLimit: { max: rateLimits.ledger, timeWindow: RATE_WINDOW_MS } },
        schema: {
          summary: 'The ledger as a file: every feed, proof of a fork and the snapshot. To be verified by who takes it',
          response: {
            200: binaryResponse('A ledger file', 'application/octet-stream'),
            304: z.null().describe('It is the one that If-None-Match names'),
            ...problemResponse
          }
        }
      },
      async (request, reply) => {
        const file = await exporter.current()
        if (file === null) throw new PeerComputeError('NOT_FOUND', 'the ledger is too large for one answer; peers tell it feed by feed')
        const { 'if-none-match': known, 'accept-encoding': encodings = '' } = request.headers
        // Weak: compressed or not, it is the same ledger.
        void reply.header('etag', `W/"${file.foldHash}"`).header('cache-control', 'no-cache').header('vary', 'accept-encoding')
        if (known?.includes(`"${file.foldHash}"`) === true) return reply.code(304).send(null)
        void reply.type('application/octet-stream')
        return /\bgzip\b/.test(encodings) ? reply.header('content-encoding', 'gzip').send(file.gzipped) : reply.send(file.bytes)
      }
    )
  }
