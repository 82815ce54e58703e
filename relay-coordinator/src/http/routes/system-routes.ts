/** Is it alive, is it ready, which version, how much. */
import { coordinatorInfoSchema, PeerComputeError } from '@peercompute/job-specs'
import { LEDGER_PROTOCOL, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { VERSION } from '../../version.ts'
import type { Access } from '../access.ts'
import type { AppComponents } from '../components.ts'
import { binaryResponse, problemResponse } from '../problems.ts'

type Components = Pick<AppComponents, 'coordinator' | 'keys' | 'network' | 'relays' | 'iceServers' | 'totals' | 'metrics' | 'ready'> & {
  readonly access: Access
}

const statusSchema = z.object({ status: z.literal('ok') })

export const probeRoutes =
  ({ metrics, ready, access }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/healthz', { schema: { summary: 'The process answers', response: { 200: statusSchema } } }, async () => ({
      status: 'ok' as const
    }))

    app.get('/readyz', { schema: { summary: 'Jobs and hosts are served', response: { 200: statusSchema } } }, async () => {
      if (!ready()) throw new PeerComputeError('COORDINATOR_UNREACHABLE', 'it is starting or stopping')
      return { status: 'ok' as const }
    })

    app.get(
      '/version',
      { schema: { summary: 'Version of the program', response: { 200: z.object({ version: z.string() }) } } },
      async () => ({ version: VERSION })
    )

    app.get(
      '/metrics',
      {
        schema: {
          summary: 'Prometheus metrics; needs the token, or this machine',
          response: { 200: binaryResponse('Prometheus text format', 'text/plain'), ...problemResponse }
        }
      },
      async (request, reply) => {
        access.check(request)
        return reply.type(metrics.contentType).send(await metrics.text())
      }
    )
  }

export const coordinatorRoutes =
  ({ coordinator, keys, network, relays = [], iceServers = [], totals, access }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/coordinator',
      { schema: { summary: 'Who this coordinator is and how to reach it', response: { 200: coordinatorInfoSchema } } },
      async (request) => {
        const { peerId, addresses } = network()
        return {
          version: VERSION,
          certificate: keys.certificate,
          root: keys.certificate.root,
          peerId,
          addresses: [...addresses],
          relays: [...relays],
          iceServers,
          protocols: [WORK_PROTOCOL, LEDGER_PROTOCOL],
          tokenRequired: !access.isLocal(request),
          hosts: coordinator.hosts().filter((host) => host.connected).length,
          jobs: totals.jobs,
          validatedUnits: totals.validatedUnits
        }
      }
    )
  }
