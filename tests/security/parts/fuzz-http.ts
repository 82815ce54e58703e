/** Spoiled bodies for the HTTP doors of a coordinator. */
import { ERRORS, generateKeyPair, signJobCommand, signSpec, type HostCertificate, type JobSpec, type KeyPair } from '@peercompute/job-specs'
import {
  coordinatorMessageSchema,
  decodeFrames,
  encodeFrame,
  FRAME_MEDIA_TYPE,
  signHello,
  WORK_FRAME_MAX_BYTES,
  type CoordinatorMessage
} from '@peercompute/job-specs/protocol'
import { mutated } from '@peercompute/ledger/testing'
import { createIdentity } from '@peercompute/worker-client/node'
import { expect } from 'vitest'
import type { TestServer } from '../../harness/index.ts'
import { postJob, queensJob } from '../../integration/parts/publish.ts'
import { mutatedFrame, mutatedJson, type Message } from './mutations.ts'
import { createRawHttp, type RawAnswer, type RawHttp } from './raw-http.ts'

const LANES = 8
/** Frames of one request, beside its hello. */
const FRAMES = 63

/** Frames that can be read go in by the dozen behind a session that is right, the others alone. */
export async function fuzzWorkOverHttp(
  server: TestServer,
  messages: readonly Message[],
  count: number,
  random: () => number
): Promise<void> {
  const http = createRawHttp(server.port, LANES)
  let left = count

  async function lane(): Promise<void> {
    let readable: Uint8Array[] = []
    const flush = async (): Promise<void> => {
      // A host of its own for each, because one that asks for nothing is soon no longer listened to.
      const answer = await post(http, Buffer.concat([encodeFrame(await introduced(http)), ...readable]))
      expect(answer.status).toBe(200)
      const said = decodeFrames(answer.body, WORK_FRAME_MAX_BYTES).map(({ message }) => coordinatorMessageSchema.parse(message))
      expect(said.length).toBeGreaterThan(readable.length)
      expect(said[0]?.type).toBe('welcome')
      for (const one of said) if (one.type === 'error') expectCode(one.code)
      readable = []
    }
    while (left > 0) {
      const message = messages[--left % messages.length]
      if (message === undefined) return
      const frame = mutatedFrame(message, random)
      if (isFrame(frame)) {
        readable.push(frame)
        if (readable.length === FRAMES) await flush()
      } else expectRefusal(await post(http, frame))
    }
    if (readable.length > 0) await flush()
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  http.close()
}

function isFrame(bytes: Uint8Array): boolean {
  try {
    return decodeFrames(bytes, WORK_FRAME_MAX_BYTES).length === 1
  } catch {
    return false
  }
}

function post(http: RawHttp, body: Uint8Array): Promise<RawAnswer> {
  return http.send({ method: 'POST', path: '/api/v1/work', headers: { 'content-type': FRAME_MEDIA_TYPE }, body })
}

/** A hello with a session of a host that has proved its key. */
async function introduced(http: RawHttp): Promise<object> {
  const { certificate, host } = await createIdentity({ label: 'fuzz', now: Date.now(), extractableHost: true })
  const ask = async (hello: object): Promise<CoordinatorMessage | undefined> => {
    const { body } = await post(http, encodeFrame(hello))
    return coordinatorMessageSchema.parse(decodeFrames(body, WORK_FRAME_MAX_BYTES)[0]?.message)
  }
  const challenged = await ask(helloOf(certificate, {}))
  if (challenged?.type !== 'challenge') throw new Error('no challenge')
  const { challenge, certificate: coordinator } = challenged
  const welcome = await ask(helloOf(certificate, { proof: { challenge, sig: await signHello(host, coordinator.root, challenge) } }))
  if (welcome?.type !== 'welcome') throw new Error('not welcome')
  return helloOf(certificate, { session: welcome.session })
}

export function helloOf(certificate: HostCertificate, more: object): object {
  return {
    type: 'hello',
    id: 1,
    minVersion: 1,
    maxVersion: 1,
    capabilities: ['cancel'],
    certificate,
    host: {
      agent: 'test/fuzz',
      memoryBytes: 0,
      executors: [{ kind: 'js', slots: 1, numericClass: 'test', probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }]
    },
    ...more
  }
}

/** Bodies of the JSON routes: what is well-formed by luck is not signed by whom it names, and its token is wrong. */
export async function fuzzBodies(server: TestServer, count: number, random: () => number): Promise<void> {
  const author = await generateKeyPair({ extractable: true })
  const { spec } = await queensJob(5)
  const signed = await signSpec(author, spec)
  const { id } = (await (await postJob(server.url, signed)).json()) as { id: string }
  const sources = await sourcesOf(author, id, spec)
  const http = createRawHttp(server.port, LANES)
  let left = count

  async function lane(): Promise<void> {
    while (left > 0) {
      const source = sources[--left % sources.length]
      if (source === undefined) return
      const json =
        random() < 0.8 ? mutatedJson(source.body, random) : Buffer.from(mutated(Buffer.from(JSON.stringify(source.body)), random))
      const answer = await http.send({
        method: 'POST',
        path: source.path,
        headers: { 'content-type': 'application/json', authorization: 'Bearer pc_wrong' },
        body: json
      })
      // A mutation may be none: the same key twice with the same value.
      if (answer.status !== 200) expectRefusal(answer, () => `${source.path} ${String(json).slice(0, 300)}`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  http.close()
  expect((await server.job(id)).spec).toEqual(spec)
}

async function sourcesOf(author: KeyPair, id: string, spec: JobSpec): Promise<readonly { readonly path: string; readonly body: object }[]> {
  return [
    { path: '/api/v1/jobs', body: await signSpec(author, spec) },
    { path: '/api/v1/jobs', body: { spec } },
    { path: `/api/v1/jobs/${id}/pause`, body: await signJobCommand(author, id, 'pause', 1) }
  ]
}

/** A refusal is a problem of the catalogue, with one sentence, and no fault of the coordinator. */
export function expectRefusal({ status, headers, body }: RawAnswer, what: () => string = () => ''): void {
  const text = body.toString()
  if (status < 400 || status > 499) throw new Error(`answered with ${status}: ${text.slice(0, 300)} to ${what()}`)
  expect(headers['content-type'], what()).toMatch(/^application\/problem\+json/)
  const problem = JSON.parse(text) as { code: string; status: number; detail: unknown }
  expect(problem.status).toBe(status)
  expect(problem.detail, what()).toBeTypeOf('string')
  expectCode(problem.code)
}

function expectCode(code: string): void {
  if (!Object.hasOwn(ERRORS, code) || code === 'INTERNAL') throw new Error(`answered with the code ${code}`)
}
