import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../bytes.ts'
import { canonicalBytes } from '../canonical.ts'
import type { UnitReceipt } from '../receipt.ts'
import { DownloadCheck, type CheckReport } from './download-check.ts'
import { checkDownload } from './read-download.ts'
import { sampleDownload, type SampleDownload } from './sample-download.ts'

const NAME = 'sample.ndjson'
let sample: SampleDownload

beforeAll(async () => {
  sample = await sampleDownload()
})

async function check(bytes: Uint8Array, root?: string): Promise<CheckReport> {
  const checking = new DownloadCheck({ root })
  await checkDownload(
    (async function* () {
      for (let from = 0; from < bytes.length; from += 1_000) yield bytes.subarray(from, from + 1_000)
    })(),
    checking,
    { name: NAME }
  )
  return checking.report()
}

const failuresOf = ({ steps }: CheckReport) =>
  steps.flatMap(({ name, failures }) => failures.map(({ place, why }) => ({ name, place, why })))

type Path = readonly (string | number)[]
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Every leaf of a JSON value, with its path. */
function fieldsOf(value: unknown, path: Path = []): { readonly path: Path; readonly value: unknown }[] {
  if (!isRecord(value)) return [{ path, value }]
  return Object.entries(value).flatMap(([key, part]) => fieldsOf(part, [...path, Array.isArray(value) ? Number(key) : key]))
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value)) return value.map((part: unknown, index) => (index === key ? replaced(part, rest, by) : part))
  return isRecord(value) ? { ...value, [key]: replaced(value[key], rest, by) } : value
}

const WORDS = [
  'quorum',
  'adaptive',
  'canonical',
  'agrees',
  'rejected',
  'owner',
  'subnet',
  'js',
  'wasm',
  'webgpu',
  'cancelled',
  'completed',
  'f32',
  'f64',
  'u32',
  'sum',
  'exact',
  'tolerance'
]

/** Another value that could stand there as well, as far as a form can. */
function another(value: unknown): unknown {
  if (typeof value === 'number') return value === 0 ? 1 : value * 2
  if (typeof value === 'boolean') return !value
  if (typeof value !== 'string') return 7
  const word = WORDS.indexOf(value)
  if (word >= 0) return WORDS[word % 2 === 0 ? word + 1 : word - 1]
  if (/^\d+$/.test(value)) return `${value}1`
  const place = Math.floor(value.length / 2)
  return `${value.slice(0, place)}${value[place] === 'a' ? 'b' : 'a'}${value.slice(place + 1)}`
}

const textOf = (lines: readonly string[]) => utf8(lines.join(''))
const unitOf = (line: string) => /"unit":(\d+)/.exec(line)?.[1]

describe('a download as it was made', () => {
  it('holds, and its root key is to be known from elsewhere', async () => {
    const bytes = textOf(sample.lines)
    const pinned = await check(bytes, sample.root)
    expect(failuresOf(pinned)).toEqual([])
    expect(pinned).toMatchObject({ holds: true, units: 4 })
    expect(pinned.steps.map(({ verdict }) => verdict)).toEqual(Array.from({ length: 9 }, () => 'ok'))
    const unpinned = await check(bytes)
    expect(unpinned.steps.filter(({ verdict }) => verdict === 'open').map(({ name }) => name)).toEqual(['certificate'])
    const other = await sampleDownload()
    expect(failuresOf(await check(bytes, other.root))).toMatchObject([
      { name: 'certificate', place: `${NAME}, line 6, receipt.certificate.root` }
    ])
  })
})

describe('a download of which anything was changed fails, and says where', () => {
  it('every field of specification, receipts, votes, values and job receipt', async () => {
    let fields = 0
    for (const [number, line] of sample.lines.entries()) {
      const whole: unknown = JSON.parse(line)
      for (const { path, value } of fieldsOf(whole)) {
        fields++
        const changed = fromUtf8(canonicalBytes(replaced(whole, path, another(value)) as object))
        const report = await check(textOf(sample.lines.with(number, `${changed}\n`)))
        const failures = failuresOf(report)
        const named = `line ${number + 1}, ${path.join('.')}`
        expect({ named, holds: report.holds }).toEqual({ named, holds: false })
        // The line that was changed is named, and of a unit its number (of the changed line, should that be the number).
        const here = failures.filter(({ place }) => place.startsWith(`${NAME}, line ${number + 1}`))
        expect(here, named).not.toEqual([])
        const unit = unitOf(changed)
        if (number > 0 && unit !== undefined && path.at(-1) !== 'unit' && !here.some(({ name }) => name === 'form'))
          expect(
            here.some(({ place }) => place.includes(`unit ${unit}`)),
            named
          ).toBe(true)
        for (const { why } of here) expect(why.length, named).toBeGreaterThan(10)
      }
    }
    // 1 head, 4 units, 1 end: a field that is added to them is tried by itself.
    expect(fields).toBeGreaterThan(240)
  })

  it('every field left out, and any field added', async () => {
    for (const [number, line] of sample.lines.entries()) {
      const whole: unknown = JSON.parse(line)
      for (const { path } of fieldsOf(whole)) {
        const [parent, last] = [path.slice(0, -1), path.at(-1)]
        const holder = parent.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), whole)
        if (!isRecord(holder)) throw new Error('A field has a holder')
        const { [String(last)]: _left, ...rest } = holder
        const without = Array.isArray(holder) ? holder.filter((_, index) => index !== last) : rest
        const added = Array.isArray(holder) ? [...(holder as unknown[]), holder[0]] : { ...holder, zzz: 1 }
        for (const changed of [without, added]) {
          const text = fromUtf8(canonicalBytes(replaced(whole, parent, changed) as object))
          const report = await check(textOf(sample.lines.with(number, `${text}\n`)))
          const named = `line ${number + 1}, ${path.join('.')}`
          expect({ named, holds: report.holds }).toEqual({ named, holds: false })
          expect(
            failuresOf(report).some(({ place }) => place.startsWith(`${NAME}, line ${number + 1}`)),
            named
          ).toBe(true)
        }
      }
    }
  })

  it('any byte, any byte more, and any byte less', async () => {
    const bytes = textOf(sample.lines)
    const lineOf = (at: number) => bytes.subarray(0, at).filter((byte) => byte === 10).length + 1
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom('change', 'add', 'drop'),
        async (at, by, how) => {
          const byte = (bytes[at] ?? 0) ^ by
          const changed = Uint8Array.from([
            ...bytes.subarray(0, at),
            ...(how === 'drop' ? [] : [byte]),
            ...bytes.subarray(how === 'add' ? at : at + 1)
          ])
          const report = await check(changed)
          expect(report.holds).toBe(false)
          const lines = [lineOf(at) - 1, lineOf(at), lineOf(at) + 1].map((line) => `${NAME}, line ${line}`)
          expect(failuresOf(report).some(({ place }) => lines.some((line) => place.startsWith(line)))).toBe(true)
        }
      ),
      { numRuns: 400 }
    )
  })

  it('every character of every signature, also the bits that decoders ignore', async () => {
    const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const [number, line] of sample.lines.entries())
      for (const { index } of line.matchAll(/"(?:sig|value)":"/g)) {
        const end = line.indexOf('"', line.indexOf('":"', index) + 3)
        for (const letter of ALPHABET) {
          if (letter === line[end - 1]) continue
          const report = await check(textOf(sample.lines.with(number, `${line.slice(0, end - 1)}${letter}${line.slice(end)}`)))
          expect(failuresOf(report).some(({ place }) => place.startsWith(`${NAME}, line ${number + 1}`))).toBe(true)
        }
      }
  })

  it('lines that are missing, doubled, or out of order', async () => {
    const { lines } = sample
    for (let number = 0; number < lines.length; number++) {
      const line = lines[number] ?? ''
      expect((await check(textOf(lines.toSpliced(number, 1)))).holds).toBe(false)
      expect((await check(textOf(lines.toSpliced(number, 0, line)))).holds).toBe(false)
      if (number > 0) expect((await check(textOf(lines.toSpliced(number - 1, 2, line, lines[number - 1] ?? '')))).holds).toBe(false)
    }
    expect((await check(new Uint8Array(0))).holds).toBe(false)
  })

  it('a unit of another download, even one of the same coordinator that is signed elsewhere', async () => {
    const other = await sampleDownload()
    const report = await check(textOf(sample.lines.with(2, other.lines[2] ?? '')))
    expect(failuresOf(report).map(({ name }) => name)).toEqual(expect.arrayContaining(['receipts', 'root']))
  })
})

describe('a coordinator that signs what its own rules forbid is found out', () => {
  const forged: readonly (readonly [string, string, (receipt: UnitReceipt) => UnitReceipt])[] = [
    ['a quorum of one', 'votes', (receipt) => ({ ...receipt, votes: receipt.votes.slice(0, 1) })],
    [
      'two votes of one account',
      'votes',
      (receipt) => ({ ...receipt, votes: receipt.votes.map((vote) => ({ ...vote, account: receipt.votes[0]?.account ?? vote.account })) })
    ],
    [
      'two results of one lease',
      'votes.1.epoch',
      (receipt) => ({ ...receipt, votes: receipt.votes.map((vote) => ({ ...vote, epoch: 1 })) })
    ],
    [
      'agreement beyond the bound',
      'votes.1.verdict',
      (receipt) => ({ ...receipt, votes: receipt.votes.map((vote) => (vote.verdict === 'agrees' ? { ...vote, metric: 1.5 } : vote)) })
    ],
    [
      'a canonical vote for another value',
      'votes.0.digest',
      (receipt) => ({
        ...receipt,
        votes: receipt.votes.map((vote) => (vote.verdict === 'canonical' ? { ...vote, digest: receipt.spec } : vote))
      })
    ],
    [
      'no canonical vote',
      'votes',
      (receipt) => ({ ...receipt, votes: receipt.votes.map((vote) => ({ ...vote, verdict: 'agrees' as const })) })
    ],
    ['another policy', 'policy', (receipt) => ({ ...receipt, policy: { ...receipt.policy, maxResults: 7 } })],
    ['weaker independence', 'independence', (receipt) => ({ ...receipt, independence: 'host' })]
  ]

  it.each(forged)('%s', async (_what, field, change) => {
    const { lines, root } = await sampleDownload(change)
    const failures = failuresOf(await check(textOf(lines), root))
    expect(failures[0]?.place).toBe(`${NAME}, line 2, unit 0, ${field}`)
  })
})
