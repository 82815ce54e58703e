/** Publishing jobs and steering them. The author's signature stands for the author; a token or this machine for the operator. */
import {
  jobActions,
  jobCommandSchema,
  jobDetailSchema,
  jobIdOf,
  jobPageSchema,
  jobSpecSchema,
  jobSummarySchema,
  PeerComputeError,
  signedSpecSchema,
  signSpec,
  submitAnswerSchema,
  submitBodySchema,
  verifyJobCommand,
  verifySpec,
  whySchema,
  type JobAction,
  type JobCommand,
  type JobId,
  type JobSpec,
  type SignedSpec,
  type SubmitAnswer
} from '@peercompute/job-specs'
import type { FastifySchemaCompiler } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Access, Caller } from '../access.ts'
import type { AppComponents } from '../components.ts'
import type { KeyedLimit } from '../keyed-limit.ts'
import { JOB_BODY_MAX_BYTES, RATE_WINDOW_MS, type RateLimits } from '../limits.ts'
import { problemResponse, validateWithZod } from '../problems.ts'
import { JOB_BODY_INVALID, jobParams, pageQuery, whyQuery } from '../queries.ts'

type Components = Pick<AppComponents, 'coordinator' | 'keys' | 'awaited' | 'operator'> & {
  readonly access: Access
  readonly rateLimits: RateLimits
  readonly limit: KeyedLimit
}

const unsignedSchema = z.strictObject({ spec: jobSpecSchema })

/** Checks against the form that the body means to have: the issues of a union name no field. */
const validateSubmit: FastifySchemaCompiler<unknown> = ({ schema: _union, ...route }) => {
  const signed = validateWithZod({ ...route, schema: signedSpecSchema })
  const unsigned = validateWithZod({ ...route, schema: unsignedSchema })
  return (data: unknown) =>
    typeof data === 'object' && data !== null && ('sig' in data || 'author' in data) ? signed(data) : unsigned(data)
}

export const jobRoutes =
  ({ coordinator, keys, awaited, operator, access, rateLimits, limit }: Components): FastifyPluginAsyncZod =>
  async (app) => {
    app.post(
      '/jobs',
      {
        bodyLimit: JOB_BODY_MAX_BYTES,
        config: { ...JOB_BODY_INVALID, rateLimit: { max: rateLimits.publish, timeWindow: RATE_WINDOW_MS } },
        validatorCompiler: validateSubmit,
        schema: {
          summary: 'Publish a job: signed by its author, or with a token (custodial). The same job again gives the same id.',
          body: submitBodySchema,
          response: { 200: submitAnswerSchema, 201: submitAnswerSchema, ...problemResponse }
        }
      },
      async (request, reply) => {
        const { body } = request
        const answer = 'sig' in body ? await submitSigned(body) : await submitCustodial(body.spec, access.allow(request, 'publish'))
        const signed = signedSpecOf(answer.id)
        awaited.expect(signed.spec, answer.missingBlobs)
        return reply
          .code(answer.created ? 201 : 200)
          .header('location', `/api/v1/jobs/${answer.id}`)
          .send(answer)
      }
    )

    app.get(
      '/jobs',
      {
        schema: { summary: 'Jobs, newest first', querystring: pageQuery, response: { 200: jobPageSchema, ...problemResponse } }
      },
      async ({ query: { limit, cursor } }) => {
        const { items, next } = coordinator.jobs({ limit, ...(cursor === undefined ? {} : { cursor }) })
        return { jobs: [...items], next }
      }
    )

    app.get(
      '/jobs/:id',
      {
        schema: { summary: 'One job with its specification', params: jobParams, response: { 200: jobDetailSchema, ...problemResponse } }
      },
      async ({ params: { id } }) => coordinator.job(id)
    )

    app.get(
      '/jobs/:id/spec',
      {
        schema: {
          summary: 'The specification as its author signed it',
          params: jobParams,
          response: { 200: signedSpecSchema, ...problemResponse }
        }
      },
      async ({ params: { id } }) => signedSpecOf(id)
    )

    app.get(
      '/jobs/:id/why',
      {
        schema: {
          summary: 'Why the job, or one of its units, is where it is',
          params: jobParams,
          querystring: whyQuery,
          response: { 200: whySchema, ...problemResponse }
        }
      },
      async ({ params: { id }, query: { unit } }) => coordinator.why(id, unit)
    )

    for (const action of jobActions) {
      app.post(
        `/jobs/:id/${action}`,
        {
          config: { rateLimit: { max: rateLimits.publish, timeWindow: RATE_WINDOW_MS } },
          schema: {
            summary: `${action[0]?.toUpperCase() ?? ''}${action.slice(1)} the job: a command signed by its author as the body, or a token and no body`,
            params: jobParams,
            body: jobCommandSchema.nullish(),
            response: { 200: jobSummarySchema, ...problemResponse }
          }
        },
        async (request) => {
          const { id } = request.params
          const signed = signedSpecOf(id)
          if (request.body) await checkCommand(request.body, { id, action, author: signed.author })
          else mayCommand(access.allow(request, 'publish'), id)
          await coordinator[action](id)
          return coordinator.job(id)
        }
      )
    }

    /** Its author is the one who signed; whether that one may publish here is the operator's to say. */
    async function submitSigned(signed: SignedSpec): Promise<SubmitAnswer> {
      if (!(await verifySpec(signed)))
        throw new PeerComputeError('JOB_SIGNATURE_INVALID', `it is not the signature of ${signed.author} over this specification`)
      limit.take(`key ${signed.author}`, rateLimits.publish)
      operator.revocations.check(signed.author, jobIdOf(signed.author, signed.spec))
      const held = operator.researchers.meet(signed.author, signed.spec.researcher) === 'hold'
      return coordinator.submit(signed, false, held)
    }

    /** A token stands for the author: who holds it needs no approval, and the job is the token's. */
    async function submitCustodial(spec: JobSpec, { token }: Caller): Promise<SubmitAnswer> {
      const signed = await signSpec(keys.custodial, spec)
      const id = jobIdOf(signed.author, spec)
      operator.revocations.check(signed.author, id)
      // Before the job is there, so that a crash leaves no job without its token. Whoever comes second has no say in it.
      if (token !== null && coordinator.signedSpec(id) === undefined) operator.setTokenOfJob(id, token)
      return coordinator.submit(signed, true)
    }

    function mayCommand({ token, admin }: Caller, job: JobId): void {
      if (admin || (token !== null && operator.tokenOfJob(job) === token)) return
      throw new PeerComputeError(
        'TOKEN_SCOPE',
        `job ${job} was not published with this token; that token, its author or "admin" may steer it`
      )
    }

    function signedSpecOf(id: JobId): SignedSpec {
      const signed = coordinator.signedSpec(id)
      if (signed === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `no job has the id ${id}`)
      return signed
    }

    async function checkCommand(
      command: JobCommand,
      { id, action, author }: { id: JobId; action: JobAction; author: string }
    ): Promise<void> {
      if (command.job !== id || command.action !== action)
        throw new PeerComputeError('REQUEST_INVALID', 'the signed command is for another job or action than the address')
      if (command.author !== author || !(await verifyJobCommand(command)))
        throw new PeerComputeError('JOB_SIGNATURE_INVALID', 'the command is not signed by the author of the job')
      limit.take(`key ${author}`, rateLimits.publish)
      if (!operator.takeCommand(id, command.ts))
        throw new PeerComputeError('REQUEST_INVALID', 'a command of this age or a newer one was already carried out')
    }
  }
