/** `GET /events`: what changes, as it changes. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { LIVE_STREAMS_MAX } from '../limits.ts'
import type { LiveStreams } from '../live-stream.ts'
import { binaryResponse, problemResponse } from '../problems.ts'
import { eventsQuery } from '../queries.ts'

export const eventRoutes =
  ({ live }: { readonly live: LiveStreams }): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/events',
      {
        exposeHeadRoute: false,
        schema: {
          summary: 'Server-sent events `job`, `units` and `fleet`. The present state comes first, so `Last-Event-ID` is not needed.',
          querystring: eventsQuery,
          response: { 200: binaryResponse('Events', 'text/event-stream'), ...problemResponse }
        }
      },
      async ({ query: { job } }, reply) => {
        if (live.size >= LIVE_STREAMS_MAX) throw new PeerComputeError('RATE_LIMITED', `${LIVE_STREAMS_MAX} streams are open`)
        return reply
          .type('text/event-stream')
          .headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' })
          .send(live.open(job))
      }
    )
  }
