/** `POST /work`: the work protocol for hosts that reach the coordinator only by HTTP. */
import { isIPv6 } from 'node:net'
import { decodeFrames, encodeFrame, FRAME_MEDIA_TYPE, WORK_FRAME_MAX_BYTES } from '@peercompute/job-specs/protocol'
import { concat } from '@peercompute/job-specs'
import { subnetOf } from '@peercompute/p2p'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { AppComponents } from '../components.ts'
import { RATE_WINDOW_MS, WORK_BODY_MAX_BYTES, type RateLimits } from '../limits.ts'
import { binaryResponse, problemResponse } from '../problems.ts'

type Components = Pick<AppComponents, 'work'> & { readonly rateLimits: RateLimits }

export const workRoutes =
  ({ work, rateLimits }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(FRAME_MEDIA_TYPE, { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body)
    })

    app.post(
      '/work',
      {
        bodyLimit: WORK_BODY_MAX_BYTES,
        config: {
          bodyTooLarge: 'FRAME_TOO_LARGE',
          invalidBody: 'FRAME_INVALID',
          rateLimit: { max: rateLimits.work, timeWindow: RATE_WINDOW_MS }
        },
        schema: {
          summary: `The work protocol: frames in, frames out (${FRAME_MEDIA_TYPE}, docs/PROTOCOL.md). The first frame is a hello.`,
          consumes: [FRAME_MEDIA_TYPE],
          body: z.instanceof(Uint8Array).meta({ type: 'string', format: 'binary' }),
          response: { 200: binaryResponse('Frames', FRAME_MEDIA_TYPE), ...problemResponse }
        }
      },
      async ({ body, ip }, reply) => {
        const answers = await work.handleFrames(decodeFrames(body, WORK_FRAME_MAX_BYTES), subnetOf(`/${isIPv6(ip) ? 'ip6' : 'ip4'}/${ip}`))
        return reply.type(FRAME_MEDIA_TYPE).send(concat(answers.map((answer) => encodeFrame(answer))))
      }
    )
  }
