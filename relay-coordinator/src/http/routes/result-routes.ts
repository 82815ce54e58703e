/** What has come out: rows, raw values, the reduced value. */
import { Readable } from 'node:stream'
import { jobStateSchema, PeerComputeError, reducedSchema, resultRowSchema, unitCountsSchema } from '@peercompute/job-specs'
import { encodeFrame, FRAME_MEDIA_TYPE } from '@peercompute/job-specs/protocol'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { AppComponents } from '../components.ts'
import { binaryResponse, bytesSchema, problemResponse } from '../problems.ts'
import { jobParams, resultsQuery, valuesQuery } from '../queries.ts'
import { asCsv, asNdjson, resultRows } from '../result-table.ts'

const JSON_ROWS_DEFAULT = 100
const JSON_ROWS_MAX = 1_000

/** Settled units whose values were lost with an earlier database; they are in no row and in no reduced value. Absent when none. */
const notHeldSchema = z.int().min(1).optional()
const pageSchema = z.object({ rows: z.array(resultRowSchema), next: z.int().nullable(), notHeld: notHeldSchema })
const reducedAnswerSchema = z.object({
  reduced: reducedSchema,
  state: jobStateSchema,
  unitCount: z.int(),
  units: unitCountsSchema,
  notHeld: notHeldSchema
})
/** The same for streams of rows. */
const NOT_HELD_HEADER = 'x-peercompute-not-held'

export const resultRoutes =
  ({ coordinator }: Pick<AppComponents, 'coordinator'>): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/jobs/:id/results',
      {
        schema: {
          summary: 'Settled units in order. `json`: a page and the unit to go on with. `ndjson`, `csv`: all of them, streamed.',
          params: jobParams,
          querystring: resultsQuery,
          response: {
            200: {
              description: 'Settled units',
              content: {
                'application/json': { schema: pageSchema },
                'application/x-ndjson': { schema: bytesSchema },
                'text/csv': { schema: bytesSchema }
              }
            },
            ...problemResponse
          }
        }
      },
      async ({ params: { id }, query: { format, from, limit } }, reply) => {
        const { spec, notHeld } = coordinator.job(id)
        if (notHeld !== undefined) void reply.header(NOT_HELD_HEADER, notHeld)
        if (format === 'json') {
          if (limit !== undefined && limit > JSON_ROWS_MAX)
            throw new PeerComputeError(
              'REQUEST_INVALID',
              `limit: ${limit} rows, a page of json has ${JSON_ROWS_MAX} at most; ask for ndjson`,
              { place: { path: 'limit' } }
            )
          const { rows, next } = await coordinator.results(id, { from, limit: limit ?? JSON_ROWS_DEFAULT })
          return reply.type('application/json').send({ rows: [...rows], next, ...(notHeld === undefined ? {} : { notHeld }) })
        }
        const rows = resultRows(coordinator, id, { from, limit: limit ?? Number.POSITIVE_INFINITY })
        void reply.header('content-disposition', `attachment; filename="${spec.name}-${id.slice(0, 8)}.${format}"`)
        return format === 'csv'
          ? reply.type('text/csv; charset=utf-8; header=present').send(Readable.from(asCsv(spec, rows)))
          : reply.type('application/x-ndjson').send(Readable.from(asNdjson(rows)))
      }
    )

    app.get(
      '/jobs/:id/values',
      {
        schema: {
          summary: `Raw values of settled units start … start + count − 1: one frame for each, \`{unit, bytes}\` with the value attached (${FRAME_MEDIA_TYPE})`,
          params: jobParams,
          querystring: valuesQuery,
          response: { 200: binaryResponse('Frames', FRAME_MEDIA_TYPE), ...problemResponse }
        }
      },
      async ({ params: { id }, query }, reply) => {
        coordinator.job(id)
        const values = await coordinator.values(id, query)
        const frames = values.map(({ unit, value }) => encodeFrame({ unit, bytes: value.length }, value))
        return reply.type(FRAME_MEDIA_TYPE).send(Readable.from(frames, { objectMode: false }))
      }
    )

    app.get(
      '/jobs/:id/reduced',
      {
        schema: { summary: 'The reduced value so far', params: jobParams, response: { 200: reducedAnswerSchema, ...problemResponse } }
      },
      async ({ params: { id } }) => {
        const { reduced, state, unitCount, units, notHeld } = coordinator.job(id)
        return { reduced, state, unitCount, units, ...(notHeld === undefined ? {} : { notHeld }) }
      }
    )
  }
