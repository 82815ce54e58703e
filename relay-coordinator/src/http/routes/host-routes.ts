/** The hosts that were here, and why one of them is idle. */
import { reputedHostSchema, whySchema } from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { AppComponents } from '../components.ts'
import { problemResponse } from '../problems.ts'
import { hostParams } from '../queries.ts'

export const hostRoutes =
  ({ coordinator }: Pick<AppComponents, 'coordinator'>): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/hosts',
      {
        schema: {
          summary: 'Hosts with what they can do, what they have done, and what is known of them',
          response: { 200: z.object({ hosts: z.array(reputedHostSchema) }) }
        }
      },
      async () => ({ hosts: [...coordinator.reputedHosts()] })
    )

    app.get(
      '/hosts/:id/why',
      {
        schema: { summary: 'Why a host has no work', params: hostParams, response: { 200: whySchema, ...problemResponse } }
      },
      async ({ params: { id } }) => coordinator.whyHost(id)
    )
  }
