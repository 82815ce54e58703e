/** The few pages of a relay: whether it lives, and how it is reached. */
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { PeerComputeError, rootIdSchema } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import { fastify, LogController } from 'fastify'
import { serializerCompiler, type FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { App, Logger } from '../http/components.ts'
import { closeGracefully } from '../http/graceful-close.ts'
import { BODY_MAX_BYTES, DEFAULT_RATE_LIMITS, RATE_WINDOW_MS } from '../http/limits.ts'
import { problemHandler, refuseNoHttp, validateWithZod } from '../http/problems.ts'

/** `GET /api/v1/relay`. */
export const relayInfoSchema = z.object({
  version: z.string(),
  peerId: z.string(),
  /** What clients dial, and what `peercompute serve --also-relay` takes. */
  addresses: z.array(z.string()),
  /** The coordinator whose ledger is kept here; null when none was named. */
  root: rootIdSchema.nullable(),
  /** Connected peers now. */
  peers: z.int(),
  /** Feeds and records of the ledger that are held. */
  feeds: z.int(),
  records: z.int()
})
export type RelayInfo = z.infer<typeof relayInfoSchema>

export interface RelayAppComponents {
  readonly info: () => RelayInfo
  readonly trustProxy: readonly string[]
  readonly clock: Clock
  readonly onFault: (error: unknown) => void
  readonly logger?: Logger | undefined
}

export async function createRelayApp({ info, trustProxy, clock, onFault, logger }: RelayAppComponents): Promise<App> {
  const app: App = fastify({
    ...(logger === undefined ? { logger: false } : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    frameworkErrors: (error, request, reply) => {
      void problemHandler(onFault)(error, request, reply)
    },
    clientErrorHandler: refuseNoHttp,
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false
  })
  app.setValidatorCompiler(validateWithZod)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(problemHandler(onFault))
  await app.register(helmet)
  await app.register(rateLimit, {
    max: DEFAULT_RATE_LIMITS.all,
    timeWindow: RATE_WINDOW_MS,
    errorResponseBuilder: (_request, { max, after }) =>
      new PeerComputeError('RATE_LIMITED', `${max} requests a minute are allowed; come back in ${after}`)
  })
  app.setNotFoundHandler(
    { preHandler: app.rateLimit({ max: DEFAULT_RATE_LIMITS.notFound, timeWindow: RATE_WINDOW_MS }) },
    async (request) => {
      throw new PeerComputeError('NOT_FOUND', `${request.method} ${request.url.slice(0, 200)}: this is a relay, without pages or jobs`)
    }
  )
  closeGracefully(app, clock)
  await app.register(routes(info))
  return app
}

const routes =
  (info: () => RelayInfo): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/healthz', { schema: { response: { 200: z.object({ status: z.literal('ok') }) } } }, async () => ({ status: 'ok' as const }))
    app.get('/api/v1/relay', { schema: { response: { 200: relayInfoSchema } } }, async (_request, reply) => {
      // A page of another origin reads it to show what is connected.
      void reply.header('access-control-allow-origin', '*')
      return info()
    })
  }
