/** Credit: boards of accounts and teams, one account, memberships of teams, and the signed export. */
import { accountCreditSchema, boardSchema, membershipSchema } from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { AppComponents } from '../components.ts'
import { RATE_WINDOW_MS, type RateLimits } from '../limits.ts'
import { bytesSchema, problemResponse } from '../problems.ts'
import { accountParams, boardQuery } from '../queries.ts'

type Components = Pick<AppComponents, 'credit'> & { readonly rateLimits: RateLimits }

export const creditRoutes =
  ({ credit, rateLimits }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/leaderboard',
      {
        schema: {
          summary: 'Accounts or teams by credit, some seconds old at most. Only machines whose owner named them have a name.',
          querystring: boardQuery,
          response: { 200: boardSchema, ...problemResponse }
        }
      },
      async ({ query: { by, limit, cursor } }) => credit.standings.board(by, { limit, cursor })
    )

    app.get(
      '/accounts/:id/credit',
      {
        schema: {
          summary: 'Credit and team of one account',
          params: accountParams,
          response: { 200: accountCreditSchema, ...problemResponse }
        }
      },
      async ({ params: { id } }) => credit.standings.account(id)
    )

    app.put(
      '/teams/membership',
      {
        config: { rateLimit: { max: rateLimits.publish, timeWindow: RATE_WINDOW_MS } },
        schema: {
          summary: 'Join a team, or leave it: a statement signed by the account key. Credit counts for the team from now on.',
          body: membershipSchema,
          response: { 200: accountCreditSchema, ...problemResponse }
        }
      },
      async ({ body }) => {
        await credit.teams.take(body)
        return credit.standings.account(body.account)
      }
    )

    app.get(
      '/credit/export',
      {
        config: { rateLimit: { max: rateLimits.ledger, timeWindow: RATE_WINDOW_MS } },
        schema: {
          summary: 'All credit with what stands behind it, signed by the coordinator, for `peercompute credit verify`',
          response: {
            200: { description: 'A CreditExport as canonical JSON', content: { 'application/json': { schema: bytesSchema } } },
            ...problemResponse
          }
        }
      },
      async (_request, reply) => {
        void reply.header('content-disposition', 'attachment; filename="credit.json"').type('application/json')
        return reply.send(Buffer.from(await credit.exported()))
      }
    )
  }
