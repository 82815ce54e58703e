/** Tokens: made, listed and revoked by the operator. */
import { createdTokenSchema, createTokenBodySchema, tokenListSchema, tokenViewSchema } from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Access } from '../access.ts'
import type { AppComponents } from '../components.ts'
import { problemResponse } from '../problems.ts'
import { tokenParams } from '../queries.ts'

type Components = Pick<AppComponents, 'operator'> & { readonly access: Access }

export const tokenRoutes =
  ({ operator: { tokens }, access }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.post(
      '/tokens',
      {
        schema: {
          summary: 'Make a token; it is shown in this answer and never again (admin)',
          body: createTokenBodySchema,
          response: { 201: createdTokenSchema, ...problemResponse }
        }
      },
      async (request, reply) => {
        const { name } = access.allow(request, 'admin')
        const created = tokens.create(request.body, name)
        return reply.code(201).header('cache-control', 'no-store').send(created)
      }
    )

    app.get(
      '/tokens',
      { schema: { summary: 'Tokens, without their secrets (admin)', response: { 200: tokenListSchema, ...problemResponse } } },
      async (request) => {
        access.allow(request, 'admin')
        return { tokens: [...tokens.list()] }
      }
    )

    app.delete(
      '/tokens/:id',
      {
        schema: {
          summary: 'Revoke a token: from now on it is refused (admin)',
          params: tokenParams,
          response: { 200: tokenViewSchema, ...problemResponse }
        }
      },
      async (request) => {
        const { name } = access.allow(request, 'admin')
        return tokens.revoke(request.params.id, name)
      }
    )
  }
