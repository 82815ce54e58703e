import { appendFile, cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256Hex } from '@peercompute/job-specs'
import { DownloadCheck, resultForms, type CheckReport } from '@peercompute/job-specs/download'
import { sampleDownload, type SampleDownload } from '@peercompute/job-specs/testing/sample-download'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkFolder } from './check-folder.ts'
import { writeFolder } from './write-folder.ts'

const signal = new AbortController().signal
let home: string
let sample: SampleDownload
let number = 0

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peercompute-folder-'))
  sample = await sampleDownload()
  for (const form of resultForms)
    await writeFolder(join(home, form), sent(sample.lines.join('')), { form, check: new DownloadCheck({ root: sample.root }), signal })
})
afterAll(() => rm(home, { recursive: true, force: true }))

async function* sent(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

async function checked(folder: string): Promise<CheckReport> {
  const check = new DownloadCheck({ root: sample.root })
  await checkFolder(folder, check, { signal })
  return check.report()
}

const placesOf = ({ steps }: CheckReport) => steps.flatMap(({ failures }) => failures.map(({ place }) => place))

/** A copy in which something is different. */
async function changed(form: string, change: (folder: string) => Promise<void>): Promise<CheckReport> {
  const folder = join(home, `changed-${number++}`)
  await cp(join(home, form), folder, { recursive: true })
  try {
    await change(folder)
    return await checked(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** As somebody who knows of the manifest would: the hash there is put right. */
async function changeWithHash(folder: string, name: string, edit: (bytes: Buffer) => Uint8Array): Promise<void> {
  const before = await readFile(join(folder, name))
  const after = edit(before)
  await writeFile(join(folder, name), after)
  const manifest = await readFile(join(folder, 'manifest.json'), 'utf8')
  const put = manifest.replace(sha256Hex(before), sha256Hex(after)).replace(`"bytes":${before.length},`, `"bytes":${after.length},`)
  expect(put).not.toBe(manifest)
  await writeFile(join(folder, 'manifest.json'), put)
}

describe.each(resultForms)('a folder with its rows as %s', (form) => {
  it('holds as it was written', async () => {
    expect((await readdir(join(home, form))).sort()).toEqual(['manifest.json', 'receipts.ndjson', `results.${form}`, 'values.bin'])
    const report = await checked(join(home, form))
    expect(placesOf(report)).toEqual([])
    expect(report).toMatchObject({ holds: true, units: 4 })
    expect(report.steps.every(({ verdict }) => verdict === 'ok')).toBe(true)
  })

  it('fails when any byte of any file is changed, and names the file', async () => {
    const files = await Promise.all(
      (await readdir(join(home, form))).map(async (name) => ({ name, bytes: await readFile(join(home, form, name)) }))
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(), fc.integer({ min: 1, max: 255 }), async ({ name, bytes }, where, by) => {
        const at = where % bytes.length
        const report = await changed(form, (folder) =>
          writeFile(
            join(folder, name),
            bytes.map((byte, place) => (place === at ? byte ^ by : byte))
          )
        )
        expect(report.holds).toBe(false)
        // A hash in the manifest that does not fit is told of the file; what else is there is told of the manifest.
        expect(
          placesOf(report).some(
            (place) => place.startsWith(name) || (name === 'manifest.json' && files.some((file) => place.startsWith(file.name)))
          )
        ).toBe(true)
      }),
      { numRuns: 60 }
    )
  })

  it('fails also when the manifest is made to fit, and names file and unit', async () => {
    const flip = (at: number) => (bytes: Buffer) => bytes.map((byte, place) => (place === at ? byte ^ 1 : byte))
    const value = await changed(form, (folder) => changeWithHash(folder, 'values.bin', flip(41)))
    expect(placesOf(value)).toContain('values.bin, unit 2, value')
    const receipts = await changed(form, (folder) =>
      changeWithHash(folder, 'receipts.ndjson', (bytes) => Buffer.from(bytes.toString().replace('"settledAt":1001', '"settledAt":1011')))
    )
    expect(placesOf(receipts)).toContain('receipts.ndjson, line 2, unit 1, receipt')
    const rows = await changed(form, (folder) =>
      changeWithHash(folder, `results.${form}`, (bytes) => Buffer.from(bytes.toString().replace('20', '21')))
    )
    expect(rows.holds).toBe(false)
    expect(placesOf(rows)[0]).toMatch(/^results\.\w+, line \d+/)
  })

  it('fails when something is cut off, added, or missing', async () => {
    for (const name of await readdir(join(home, form))) {
      const size = (await readFile(join(home, form, name))).length
      for (const change of [
        (folder: string) => truncate(join(folder, name), size - 1),
        (folder: string) => appendFile(join(folder, name), '\n'),
        ...(name === 'manifest.json' ? [] : [(folder: string) => rm(join(folder, name))])
      ]) {
        const report = await changed(form, change)
        expect({ name, holds: report.holds }).toEqual({ name, holds: false })
        expect(placesOf(report).some((place) => place.startsWith(name))).toBe(true)
      }
    }
    const without = await changed(form, async (folder) => {
      const lines = (await readFile(join(folder, 'receipts.ndjson'), 'utf8')).split('\n')
      await changeWithHash(folder, 'receipts.ndjson', () => Buffer.from(lines.toSpliced(1, 1).join('\n')))
    })
    expect(without.steps.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)).toContain('root')
  })
})

it('every field of the manifest counts', async () => {
  const text = await readFile(join(home, 'csv', 'manifest.json'), 'utf8')
  const strings = [...text.matchAll(/:("?)([A-Za-z0-9_.-]+)\1[,}]/g)]
  expect(strings.length).toBeGreaterThan(60)
  for (const match of strings) {
    const value = match[2] ?? ''
    const other = /^\d+$/.test(value)
      ? String(Number(value) + 1)
      : value === 'true'
        ? 'false'
        : value === 'false'
          ? 'true'
          : `${value.startsWith('a') ? 'b' : 'a'}${value.slice(1)}`
    const at = match.index + 1 + (match[1] ?? '').length
    const report = await changed('csv', (folder) =>
      writeFile(join(folder, 'manifest.json'), `${text.slice(0, at)}${other}${text.slice(at + value.length)}`)
    )
    expect({ field: text.slice(Math.max(0, at - 30), at + 20), holds: report.holds }).toMatchObject({ holds: false })
    expect(placesOf(report).every((place) => place.length > 0)).toBe(true)
  }
})

it('what the coordinator sends and does not hold is not written', async () => {
  const folder = join(home, 'refused')
  const line = sample.lines[2] ?? ''
  const lines = sample.lines.with(2, line.replace('"settledAt":1001', '"settledAt":1002'))
  expect(lines).not.toEqual(sample.lines)
  const options = { form: 'csv' as const, check: new DownloadCheck(), signal }
  await expect(writeFolder(folder, sent(lines.join('')), options)).rejects.toMatchObject({
    code: 'DOWNLOAD_INVALID',
    detail: expect.stringContaining('line 3, unit 1')
  })
  await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(readdir(`${folder}.part`)).rejects.toMatchObject({ code: 'ENOENT' })
})

it('a folder that holds something else is left alone', async () => {
  const options = { form: 'csv' as const, check: new DownloadCheck(), signal }
  await expect(writeFolder(join(home, 'csv'), sent(''), options)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    detail: expect.stringContaining('not empty')
  })
  await expect(checkFolder(home, new DownloadCheck(), { signal })).rejects.toMatchObject({ code: 'DOWNLOAD_UNREADABLE' })
})
