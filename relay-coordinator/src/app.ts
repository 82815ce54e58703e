/** Assembles the HTTP side without listening, so that tests inject requests into exactly what `serve` runs. */
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import { PeerComputeError } from '@peercompute/job-specs'
import { fastify, LogController } from 'fastify'
import { jsonSchemaTransform, serializerCompiler } from 'fastify-type-provider-zod'
import { createAccess } from './http/access.ts'
import type { App, AppComponents } from './http/components.ts'
import { closeGracefully } from './http/graceful-close.ts'
import { createKeyedLimit } from './http/keyed-limit.ts'
import { BODY_MAX_BYTES, DEFAULT_RATE_LIMITS, RATE_WINDOW_MS } from './http/limits.ts'
import { createLiveStreams } from './http/live-stream.ts'
import { registerPages } from './http/pages.ts'
import { problemHandler, refuseNoHttp, validateWithZod } from './http/problems.ts'
import { blobRoutes } from './http/routes/blob-routes.ts'
import { creditRoutes } from './http/routes/credit-routes.ts'
import { eventRoutes } from './http/routes/event-routes.ts'
import { hostRoutes } from './http/routes/host-routes.ts'
import { jobRoutes } from './http/routes/job-routes.ts'
import { ledgerRoutes } from './http/routes/ledger-routes.ts'
import { operatorRoutes } from './http/routes/operator-routes.ts'
import { receiptRoutes } from './http/routes/receipt-routes.ts'
import { resultRoutes } from './http/routes/result-routes.ts'
import { coordinatorRoutes, probeRoutes } from './http/routes/system-routes.ts'
import { tokenRoutes } from './http/routes/token-routes.ts'
import { trustRoutes } from './http/routes/trust-routes.ts'
import { workRoutes } from './http/routes/work-routes.ts'
import { createReceiptBook } from './receipts/receipt-book.ts'
import { createTrustBook } from './trust/trust-book.ts'
import { VERSION } from './version.ts'

export type { App } from './http/components.ts'
export const API_PREFIX = '/api/v1'
/** Time in which a whole request must have arrived; an upload of BLOB_MAX_BYTES then needs about 1 MB/s. */
const REQUEST_TIMEOUT_MS = 300_000

export async function createApp(components: AppComponents): Promise<App> {
  const {
    coordinator,
    operator,
    publicUrl,
    trustProxy = [],
    metrics,
    clock,
    onFault,
    logger,
    rateLimits = DEFAULT_RATE_LIMITS
  } = components
  const limit = createKeyedLimit(clock)
  const access = createAccess({ tokens: operator.tokens, open: publicUrl === undefined, limit, perMinute: rateLimits.all })
  const app: App = fastify({
    ...(logger === undefined ? { logger: false } : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    frameworkErrors: (error, request, reply) => {
      void problemHandler(onFault)(error, request, reply)
    },
    clientErrorHandler: refuseNoHttp
  })
  app.setValidatorCompiler(validateWithZod)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(problemHandler(onFault))
  app.addHook('onResponse', async (request, reply) => {
    metrics.request(request.method, request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1_000)
  })

  await app.register(helmet, {
    contentSecurityPolicy: false, // set by registerPages: its frame-src depends on the request
    strictTransportSecurity: publicUrl?.startsWith('https:') ?? false
  })
  await app.register(rateLimit, {
    max: rateLimits.all,
    timeWindow: RATE_WINDOW_MS,
    allowList: (request) => access.isLocal(request), // Whoever is on this machine may do anything already.
    errorResponseBuilder: (_request, { max, after }) =>
      new PeerComputeError('RATE_LIMITED', `${max} requests a minute are allowed; come back in ${after}`)
  })
  app.setNotFoundHandler({ preHandler: app.rateLimit({ max: rateLimits.notFound, timeWindow: RATE_WINDOW_MS }) }, async (request) => {
    throw new PeerComputeError('NOT_FOUND', `${request.method} ${request.url.slice(0, 200)}`)
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'PeerCompute coordinator', version: VERSION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: []
    },
    transform: jsonSchemaTransform
  })

  const live = createLiveStreams(coordinator, clock, (change) => {
    metrics.liveStreams(change)
  })
  app.addHook('preClose', async () => {
    live.close()
  })
  closeGracefully(app, clock)
  const receipts = components.receipts ?? createReceiptBook({ coordinator, keys: components.keys, clock })
  const all = { ...components, access, live, rateLimits, limit, receipts, trust: createTrustBook({ coordinator, clock }) }
  await registerPages(app, components)
  await app.register(probeRoutes(all))
  for (const routes of [
    coordinatorRoutes(all),
    jobRoutes(all),
    resultRoutes(all),
    receiptRoutes(all),
    trustRoutes(all),
    hostRoutes(all),
    creditRoutes(all),
    blobRoutes(all),
    ledgerRoutes(all),
    tokenRoutes(all),
    operatorRoutes(all),
    workRoutes(all),
    eventRoutes(all)
  ]) {
    await app.register(routes, { prefix: API_PREFIX })
  }
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  return app
}
