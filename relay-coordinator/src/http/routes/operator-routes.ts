/** Approval of researchers, revocations, and the audit log. */
import {
  auditPageSchema,
  researcherDecisionSchema,
  researcherListSchema,
  revocationAnswerSchema,
  revocationBodySchema,
  revocationListSchema
} from '@peercompute/job-specs'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Access } from '../access.ts'
import type { AppComponents } from '../components.ts'
import { problemResponse } from '../problems.ts'
import { auditQuery, researcherParams } from '../queries.ts'

type Components = Pick<AppComponents, 'operator'> & { readonly access: Access }

export const operatorRoutes =
  ({ operator, access }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    const { researchers, revocations } = operator

    app.get(
      '/researchers',
      {
        schema: {
          summary: 'Authors of signed jobs, and whether the operator approves of them (admin)',
          response: { 200: researcherListSchema, ...problemResponse }
        }
      },
      async (request) => {
        access.allow(request, 'admin')
        return { researchers: [...researchers.list()] }
      }
    )

    for (const [action, summary] of [
      ['approve', 'Approve of a researcher: the jobs that wait begin (admin)'],
      ['refuse', 'Refuse a researcher: open jobs are cancelled, later ones refused (admin)']
    ] as const) {
      app.post(
        `/researchers/:key/${action}`,
        { schema: { summary, params: researcherParams, response: { 200: researcherDecisionSchema, ...problemResponse } } },
        async (request) => {
          const { name } = access.allow(request, 'admin')
          return researchers[action](request.params.key, name)
        }
      )
    }

    app.get(
      '/revocations',
      { schema: { summary: 'Revoked jobs and keys, newest first', response: { 200: revocationListSchema, ...problemResponse } } },
      async () => ({ revocations: [...revocations.list()] })
    )

    app.post(
      '/revocations',
      {
        schema: {
          summary: 'Revoke a job or a key, for good: volunteers stop what runs of it within seconds (admin)',
          body: revocationBodySchema,
          response: { 200: revocationAnswerSchema, ...problemResponse }
        }
      },
      async (request) => {
        const { name } = access.allow(request, 'admin')
        return revocations.revoke(request.body, name)
      }
    )

    app.get(
      '/audit',
      {
        schema: {
          summary: 'The audit log in order: admissions, settlements, approvals, tokens, revocations (admin)',
          querystring: auditQuery,
          response: { 200: auditPageSchema, ...problemResponse }
        }
      },
      async (request) => {
        access.allow(request, 'admin')
        return operator.auditPage(request.query)
      }
    )
  }
