/** Trust as anybody may see it, and the operator's way to take a banned host back. */
import {
  hostReputationDetailSchema,
  jobIdSchema,
  jobTrustSchema,
  pardonAnswerSchema,
  unitIndexSchema,
  unitReplicasSchema
} from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { TrustBook } from '../../trust/trust-book.ts'
import type { Access } from '../access.ts'
import type { AppComponents } from '../components.ts'
import { RATE_WINDOW_MS, type RateLimits } from '../limits.ts'
import { problemResponse } from '../problems.ts'
import { hostParams, jobParams } from '../queries.ts'

type Components = Pick<AppComponents, 'coordinator'> & {
  readonly access: Access
  readonly trust: TrustBook
  readonly rateLimits: RateLimits
}

const unitParams = z.object({
  id: jobIdSchema,
  unit: z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(unitIndexSchema)
})

export const trustRoutes =
  ({ coordinator, access, trust, rateLimits }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/jobs/:id/trust',
      {
        config: { rateLimit: { max: rateLimits.receipts, timeWindow: RATE_WINDOW_MS } },
        schema: {
          summary: 'How the units of the job were decided: what that cost, how sure it is, how near the results lie to one another',
          params: jobParams,
          response: { 200: jobTrustSchema, ...problemResponse }
        }
      },
      async ({ params: { id } }) => trust.job(id)
    )

    app.get(
      '/jobs/:id/units/:unit',
      {
        schema: {
          summary: 'The results of one unit side by side. Before it is settled, only how many there are',
          params: unitParams,
          response: { 200: unitReplicasSchema, ...problemResponse }
        }
      },
      async ({ params: { id, unit } }) => coordinator.replicas(id, unit)
    )

    app.get(
      '/hosts/:id/reputation',
      {
        schema: {
          summary: 'What comparisons have shown of a host, with each program that it has run',
          params: hostParams,
          response: { 200: hostReputationDetailSchema, ...problemResponse }
        }
      },
      async ({ params: { id } }) => coordinator.reputation(id)
    )

    app.post(
      '/hosts/:id/pardon',
      {
        config: { rateLimit: { max: rateLimits.publish, timeWindow: RATE_WINDOW_MS } },
        schema: {
          summary: 'Take a banned host back: it begins again as a new one (admin)',
          params: hostParams,
          response: { 200: pardonAnswerSchema, ...problemResponse }
        }
      },
      async (request) => {
        access.allow(request, 'admin')
        const { id } = request.params
        // Refuses a key that never was here, before anything is decided.
        coordinator.reputation(id)
        const pardoned = await coordinator.pardon(id)
        const { host: _host, programs: _programs, ...reputation } = coordinator.reputation(id)
        return { host: id, pardoned, reputation }
      }
    )
  }
