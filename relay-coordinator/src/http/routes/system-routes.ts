/** Is it alive, is it ready, which version, how much. */
import { coordinatorInfoSchema, PeerComputeError } from '@peercompute/job-specs'
import { LEDGER_PROTOCOL, WORK_PROTOCOL } from '@peercompute/job-specs/protocol'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { VERSION } from '../../version.ts'
import type { Access } from '../access.ts'
import type { AppComponents } from '../components.ts'
import { binaryResponse, problemResponse } from '../problems.ts'

type Components = Pick<
  AppComponents,
  'coordinator' | 'keys' | 'network' | 'relays' | 'iceServers' | 'totals' | 'metrics' | 'ready' | 'alarm'
> & {
  readonly access: Access
}

const statusSchema = z.object({ status: z.literal('ok') })
const readySchema = statusSchema.extend({ alarm: z.string().optional() })

export const probeRoutes =
  ({ metrics, ready, alarm = () => null, access }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/healthz', { schema: { summary: 'The process answers', response: { 200: statusSchema } } }, async () => ({
      status: 'ok' as const
    }))

    app.get(
      '/readyz',
      { schema: { summary: 'Jobs and hosts are served; `alarm` says what an operator should look at', response: { 200: readySchema } } },
      async () => {
        if (!ready()) throw new PeerComputeError('COORDINATOR_UNREACHABLE', 'it is starting or stopping')
        const told = alarm()
        return { status: 'ok' as const, ...(told === null ? {} : { alarm: told }) }
      }
    )

    app.get(
      '/version',
      { schema: { summary: 'Version of the program', response: { 200: z.object({ version: z.string() }) } } },
      async () => ({ version: VERSION })
    )

    app.get(
      '/metrics',
      {
        schema: {
          summary: 'Prometheus metrics (read)',
          response: { 200: binaryResponse('Prometheus text format', 'text/plain'), ...problemResponse }
        }
      },
      async (request, reply) => {
        access.allow(request, 'read')
        return reply.type(metrics.contentType).send(await metrics.text())
      }
    )
  }

export const coordinatorRoutes =
  ({ coordinator, keys, network, relays = [], iceServers = [], totals, access }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/coordinator',
      {
        schema: {
          summary: 'Who this coordinator is and how to reach it',
          querystring: z.object({ relay: z.string().max(128).optional().describe('PeerId of the relay that the client had before') }),
          response: { 200: coordinatorInfoSchema }
        }
      },
      async (request) => {
        const { relay } = request.query
        const { peerId, addresses } = network({ address: request.ip, ...(relay === undefined ? {} : { near: relay }) })
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
          hosts: coordinator.fleet().hosts,
          jobs: totals.jobs,
          validatedUnits: totals.validatedUnits
        }
      }
    )
  }
