/** Receipts, and downloads that carry them. */
import { Readable } from 'node:stream'
import { jobReceiptSchema, provenUnitSchema, unitIndexSchema, jobIdSchema } from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ReceiptBook } from '../../receipts/receipt-book.ts'
import type { AppComponents } from '../components.ts'
import { RATE_WINDOW_MS, type RateLimits } from '../limits.ts'
import { bytesSchema, problemResponse } from '../problems.ts'
import { jobParams } from '../queries.ts'

type Components = Pick<AppComponents, 'coordinator'> & { readonly receipts: ReceiptBook; readonly rateLimits: RateLimits }

const unitParams = z.object({
  id: jobIdSchema,
  unit: z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(unitIndexSchema)
})
export const DOWNLOAD_MEDIA_TYPE = 'application/x-ndjson'

export const receiptRoutes =
  ({ coordinator, receipts, rateLimits }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { rateLimit: { max: rateLimits.receipts, timeWindow: RATE_WINDOW_MS } }

    app.get(
      '/jobs/:id/receipt',
      {
        config,
        schema: {
          summary:
            'Signed receipt of the job: what was settled, how, and the Merkle root over the receipts of its units. Provisional while the job goes on.',
          params: jobParams,
          response: { 200: jobReceiptSchema, ...problemResponse }
        }
      },
      async ({ params: { id } }) => receipts.job(id)
    )

    app.get(
      '/jobs/:id/units/:unit/receipt',
      {
        config,
        schema: {
          summary: 'Receipt of a settled unit: with its proof under the root of an ended job, or signed by itself while the job goes on',
          params: unitParams,
          response: { 200: provenUnitSchema, ...problemResponse }
        }
      },
      async ({ params: { id, unit } }) => receipts.unit(id, unit)
    )

    app.get(
      '/jobs/:id/download',
      {
        config: { rateLimit: { max: rateLimits.ledger, timeWindow: RATE_WINDOW_MS } },
        schema: {
          summary: 'All settled units with values, receipts, specification and signatures, as one file for `peercompute verify`',
          params: jobParams,
          response: {
            200: {
              description: 'Lines of canonical JSON: head, units, signed receipt',
              content: { [DOWNLOAD_MEDIA_TYPE]: { schema: bytesSchema } }
            },
            ...problemResponse
          }
        }
      },
      async ({ params: { id } }, reply) => {
        const { name } = coordinator.job(id)
        void reply.header('content-disposition', `attachment; filename="${name}-${id.slice(0, 8)}.verified.ndjson"`)
        return reply.type(DOWNLOAD_MEDIA_TYPE).send(Readable.from(receipts.download(id)))
      }
    )
  }
