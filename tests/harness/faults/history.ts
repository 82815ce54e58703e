/**
 * What clients did and what they were told, as it happened: one line before each operation and one after it, so that an operation whose
 * client died in between is there as well, with an unknown end.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { PeerComputeError, contentHashSchema, epochSchema, hostIdSchema, jobIdSchema, reportAnswerSchema } from '@peercompute/job-specs'
import { z } from 'zod'

/** Result of one unit as it was sent; `digest` is null for a failure. */
const sentUnitSchema = z.object({ unit: z.int(), digest: contentHashSchema.nullable() })
const leaseNameSchema = z.object({ job: jobIdSchema, epoch: epochSchema })

/** What was asked for. `connect` is the whole introduction. */
export const callSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('submit'), job: jobIdSchema }),
  z.object({ op: z.literal('cancel'), job: jobIdSchema }),
  z.object({ op: z.literal('connect'), host: hostIdSchema }),
  z.object({ op: z.literal('ask'), host: hostIdSchema, units: z.int() }),
  z.object({ op: z.literal('report'), host: hostIdSchema, job: jobIdSchema, epoch: epochSchema, units: z.array(sentUnitSchema) }),
  z.object({ op: z.literal('renew'), host: hostIdSchema, leases: z.array(leaseNameSchema) }),
  z.object({ op: z.literal('release'), host: hostIdSchema, job: jobIdSchema, epoch: epochSchema }),
  /** A page of settled units. */
  z.object({ op: z.literal('read'), job: jobIdSchema, from: z.int() })
])
export type Call = z.infer<typeof callSchema>

/** What came back, as far as it binds the coordinator. */
export const answerSchema = z.object({
  leases: z.array(leaseNameSchema.extend({ start: z.int(), count: z.int() })).optional(),
  units: z.array(z.object({ unit: z.int(), answer: reportAnswerSchema })).optional(),
  settled: z.array(z.object({ unit: z.int(), digest: contentHashSchema })).optional(),
  durations: z.array(z.int()).optional()
})
export type Answer = z.infer<typeof answerSchema>

const lineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('invoke'), id: z.int(), at: z.number(), client: z.string(), call: callSchema }),
  z.object({ type: z.literal('ok'), id: z.int(), at: z.number(), answer: answerSchema }),
  z.object({ type: z.literal('refused'), id: z.int(), at: z.number(), code: z.string() }),
  /** Nobody knows whether it has happened. */
  z.object({ type: z.literal('unknown'), id: z.int(), at: z.number() }),
  z.object({ type: z.literal('fault'), at: z.number(), fault: z.string() })
])
type Line = z.infer<typeof lineSchema>

export type Outcome =
  { readonly type: 'ok'; readonly answer: Answer } | { readonly type: 'refused'; readonly code: string } | { readonly type: 'unknown' }

export interface Operation {
  readonly client: string
  readonly call: Call
  /** Epoch milliseconds. */
  readonly invokedAt: number
  readonly endedAt: number | null
  readonly outcome: Outcome
}

export interface History {
  readonly file: string
  /** Records, does, records; passes on what `act` gives or throws. `answerOf` says what of it is kept. */
  perform<T>(client: string, call: Call, act: () => Promise<T>, answerOf: (result: T) => Answer): Promise<T>
  /** What the nemesis did. */
  fault(fault: string): void
  /** How many operations of this kind have ended so, until now. */
  count(op: Call['op'], outcome: Outcome['type']): number
}

/** @param now epoch milliseconds: histories of several processes are read together. */
export function createHistory(file: string, now: () => number = () => Date.now()): History {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  const counts = new Map<string, number>()
  let last = 0
  const note = (line: Line): void => {
    appendFileSync(file, `${JSON.stringify(line)}\n`)
  }
  const countUp = (op: Call['op'], outcome: Outcome['type']): void => {
    counts.set(`${op}/${outcome}`, (counts.get(`${op}/${outcome}`) ?? 0) + 1)
  }
  return {
    file,
    async perform(client, call, act, answerOf) {
      const id = (last += 1)
      note({ type: 'invoke', id, at: now(), client, call })
      try {
        const result = await act()
        note({ type: 'ok', id, at: now(), answer: answerOf(result) })
        countUp(call.op, 'ok')
        return result
      } catch (error) {
        const refused = wasRefused(error)
        note(refused ? { type: 'refused', id, at: now(), code: error.code } : { type: 'unknown', id, at: now() })
        countUp(call.op, refused ? 'refused' : 'unknown')
        throw error
      }
    },
    fault: (fault) => {
      note({ type: 'fault', at: now(), fault })
    },
    count: (op, outcome) => counts.get(`${op}/${outcome}`) ?? 0
  }
}

/** The coordinator has said so; every other failure may have come after it had done what was asked. */
function wasRefused(error: unknown): error is PeerComputeError {
  return error instanceof PeerComputeError && error.code !== 'COORDINATOR_UNREACHABLE' && error.code !== 'TIMEOUT'
}

/** Operations in the order in which they were begun. */
export function readHistory(file: string): readonly Operation[] {
  const begun = new Map<number, Omit<Operation, 'outcome' | 'endedAt'>>()
  const ended = new Map<number, { at: number; outcome: Outcome }>()
  for (const text of readFileSync(file, 'utf8').split('\n')) {
    if (text === '') continue
    const line = lineSchema.parse(JSON.parse(text))
    if (line.type === 'fault') continue
    if (line.type === 'invoke') begun.set(line.id, { client: line.client, call: line.call, invokedAt: line.at })
    else ended.set(line.id, { at: line.at, outcome: outcomeOf(line) })
  }
  return [...begun].map(([id, operation]) => {
    const end = ended.get(id)
    return { ...operation, endedAt: end?.at ?? null, outcome: end?.outcome ?? { type: 'unknown' } }
  })
}

function outcomeOf(line: Exclude<Line, { type: 'invoke' | 'fault' }>): Outcome {
  switch (line.type) {
    case 'ok':
      return { type: 'ok', answer: line.answer }
    case 'refused':
      return { type: 'refused', code: line.code }
    case 'unknown':
      return { type: 'unknown' }
  }
}
