import { blobRef, PeerComputeError, utf8, type Bytes, type ContentHash, type JobSpec, type Verifier } from '@peercompute/job-specs'
import { afterAll, describe, expect, it } from 'vitest'
import { smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { createThreadJudge } from './thread-judge.ts'

const programs = new Map<ContentHash, Bytes>()
const reads: ContentHash[] = []
const readBlob = (sha256: ContentHash): Promise<Bytes> => {
  reads.push(sha256)
  const program = programs.get(sha256)
  return program === undefined
    ? Promise.reject(new PeerComputeError('BLOB_NOT_FOUND', `blob ${sha256} is not here`))
    : Promise.resolve(program)
}
const judge = createThreadJudge({ readBlob, random: Math.random, threads: 1 })

afterAll(() => judge.close())

/** A job with this verifier. */
function judged(source: string) {
  const program = utf8(source)
  const js = blobRef(program)
  programs.set(js.sha256, program)
  return verified({ kind: 'custom', js }, {})
}

const values = (...numbers: number[]) => numbers.map((number, index) => ({ unit: index, value: u32(number) }))

function verified(verify: Verifier, overrides: Partial<JobSpec>) {
  const { job, signed } = unsigned(
    smallSpec({
      ...overrides,
      verification: { policy: 'verifier', verify, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 }
    })
  )
  return { id: job, spec: signed.spec }
}

const passes = (verdicts: readonly { pass: boolean | null }[]) => verdicts.map(({ pass }) => pass)

describe('a judge in threads', () => {
  it('runs the verifier of a job on each value, with unit and outputs', async () => {
    const job = judged('export function verify({ unit, outputs }) { return outputs.count[0] === unit * 3 }')
    expect(passes(await judge.verify(job.id, job.spec, values(0, 3, 5, 9)))).toEqual([true, true, false, true])
  })

  it('reads the blobs of a job once', async () => {
    const job = judged('export default () => true')
    for (let i = 0; i < 3; i++) await judge.verify(job.id, job.spec, values(1))
    expect(reads.filter((sha256) => sha256 === blobRef(utf8('export default () => true')).sha256)).toHaveLength(1)
  })

  it('keeps nothing from one value to the next', async () => {
    const job = judged(
      'let seen = 0; globalThis.all ??= 0; export function verify() { seen++; globalThis.all++; return seen === 1 && globalThis.all === 1 }'
    )
    expect(passes(await judge.verify(job.id, job.spec, values(1, 2, 3)))).toEqual([true, true, true])
  })

  it('draws anew for each value', async () => {
    const job = judged('export const verify = ({ random }) => ({ pass: true, detail: String(random()) })')
    const details = (await judge.verify(job.id, job.spec, values(1, 1, 1))).map(({ detail }) => Number(detail))
    expect(new Set(details).size).toBe(3)
    for (const drawn of details) expect(drawn).toBeGreaterThanOrEqual(0)
    expect(Math.max(...details)).toBeLessThan(1)
  })

  it('says of a verifier that fails that it failed, and goes on', async () => {
    const job = judged(`export function verify({ outputs }) {
      switch (outputs.count[0]) {
        case 0: throw new Error('no idea')
        case 1: for (;;) {}
        case 2: return 'yes'
        default: return true
      }
    }`)
    const verdicts = await judge.verify(job.id, job.spec, values(0, 1, 2, 3))
    expect(passes(verdicts)).toEqual([null, null, null, true])
    expect(verdicts.map(({ detail }) => detail)).toEqual([
      'verify threw: Error: no idea',
      'The program took more than 20000000 steps.',
      'verify returned string.',
      'The check passed.'
    ])
  })

  it('ends a thread that hangs in a built-in function, or whose engine gave up, and judges the rest in a new one', async () => {
    const job = judged(
      `export function verify({ outputs }) {
        if (outputs.count[0] === 1) return [].indexOf.call({ length: 2 ** 53 - 1 }, 1) === 0
        if (outputs.count[0] === 2) return eval('['.repeat(3e5)) === 0
        return true
      }`
    )
    const hasty = createThreadJudge({ readBlob, random: Math.random, threads: 1, deadlineMs: 2_000 })
    const verdicts = await hasty.verify(job.id, job.spec, values(0, 1, 3, 2, 4))
    await hasty.close()
    expect(verdicts[1]).toEqual({ pass: null, detail: 'The verifier took longer than 2 s.' })
    expect(passes(verdicts)).toEqual([true, null, true, null, true])
  })

  it('tells when a blob is missing', async () => {
    const other = verified({ kind: 'custom', js: blobRef(utf8('another')) }, {})
    await expect(judge.verify(other.id, other.spec, values(1))).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' })
  })

  it('refuses what waits when it is closed', async () => {
    const job = judged('export function verify() { for (;;) {} }')
    const closing = createThreadJudge({ readBlob, random: Math.random, threads: 1 })
    const both = [closing.verify(job.id, job.spec, values(1)), closing.verify(job.id, job.spec, values(1))]
    const refused = Promise.all(both.map((one) => expect(one).rejects.toMatchObject({ code: 'RATE_LIMITED' })))
    await closing.close()
    await refused
  })

  it('runs built-in verifiers without a cage', async () => {
    const job = verified(
      { kind: 'factors', number: { first: 15, step: 0 }, factors: 'f' },
      {
        outputs: [{ name: 'f', type: 'u32', shape: [2, 2] }],
        reduce: { kind: 'none' },
        limits: { unitSeconds: 1, outputBytes: 16, memoryBytes: 1 }
      }
    )
    const list = (...words: number[]) => ({ unit: 0, value: new Uint8Array(Uint32Array.from(words).buffer) })
    expect(passes(await judge.verify(job.id, job.spec, [list(3, 0, 5, 0), list(5, 0, 3, 0)]))).toEqual([true, false])
  })
})
