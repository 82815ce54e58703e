/** The web pages: the built dashboard, and the sandbox document with headers of its own. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { PeerComputeError } from '@peercompute/job-specs'
import type { FastifyPluginAsync } from 'fastify'
import { appCsp, inlineScriptHashes, SANDBOX_PATH } from './app-csp.ts'
import type { AppComponents } from './components.ts'

export async function registerPages(
  app: Parameters<FastifyPluginAsync>[0],
  { dashboardDir, sandboxPage, publicUrl }: Pick<AppComponents, 'dashboardDir' | 'sandboxPage' | 'publicUrl'>
): Promise<void> {
  const scriptHashes = await inlineScriptHashes(dashboardDir)
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('content-security-policy', appCsp(scriptHashes, request.headers.host, publicUrl))
  })

  if (sandboxPage !== undefined) {
    let making: ReturnType<typeof sandboxPage> | undefined
    app.get(SANDBOX_PATH, { schema: { hide: true } }, async (_request, reply) => {
      making ??= sandboxPage().catch((error: unknown) => {
        making = undefined
        throw error
      })
      const { html, headers } = await making
      return reply
        .type('text/html; charset=utf-8')
        .headers({ ...headers })
        .send(html)
    })
  }

  if (dashboardDir === undefined || !existsSync(join(dashboardDir, 'index.html'))) {
    app.get('/', { schema: { hide: true } }, async () => {
      throw new PeerComputeError('NOT_FOUND', 'the dashboard is not built; the API is at /api/v1')
    })
    return
  }
  await app.register(fastifyStatic, {
    root: dashboardDir,
    // Vite puts a hash of the content into the names under assets/.
    setHeaders(reply, path) {
      void reply.header('cache-control', /[\\/]assets[\\/]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache')
    }
  })
}
