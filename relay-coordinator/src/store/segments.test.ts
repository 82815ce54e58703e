import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inflateRawSync } from 'node:zlib'
import { MAX_DIFFERENCE, type ContentHash } from '@peercompute/job-specs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rebuild, type SettledUnit } from '../core/index.ts'
import { driveStore, range, settledUnit } from '../testing/drive-store.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { LAST_SEGMENT_UNITS, SEGMENT_UNITS } from './segment-mover.ts'
import { SegmentReader } from './segment-reader.ts'
import { SegmentWriter } from './segment-writer.ts'
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts'

/** Units 3 and 7 as version 1 of the format was written, deflated. */
const VERSION_1 =
  'C3AOdnX3ZWRYTQAwz52vyaq+bF9SVn9k66Y8yU3mWzyKNpgZNsp+ccw/WGhYwfIi0T4q+uTPf28Xa/XVNGybe6W9z33bSnHl36KvW5Szs7SbL0z9v8eQiZ2BgYGDkYGRhZmBgaEdIsbPxMAgwMzAyAKSrFbKyM9JSS0qVrKKjlZKdLesSnF2rHIkDJR0lCLD/bKSjMNKU5ydyqIynfKTjP0MPF18cag2NDLXMwBBfSMTJR2lrGKlWB24jQaU2BhIjo3llNjoSI6NFZTY6Eq8jbE6Ssk5icXFqaA4VSpJLS5RitVRSsrJT84Gx7KxjpGOmZmOsamBpaGpoYmRpY6JgY6xsaWFqYGZsZFhbGytKBMDg9Vd75wAUHJ19XMBAA=='

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let file = ''
let stores: SqliteStore[]
let faults: unknown[]
beforeEach(async () => {
  temporary = await temporaryFolder()
  file = join(temporary.path, 'coordinator.sqlite')
  stores = []
  faults = []
})
afterEach(async () => {
  for (const store of stores) store.close()
  await temporary[Symbol.asyncDispose]()
  expect(faults).toEqual([])
})

function open(): SqliteStore {
  const store = openSqliteStore(file, { onFault: (error) => faults.push(error) })
  stores.push(store)
  return store
}

const segmentFiles = () => readdirSync(join(temporary.path, 'segments')).sort()
const rowsOf = (store: SqliteStore) => Number(store.database.prepare('SELECT COUNT(*) AS n FROM settled').get()?.['n'])
const paged = (store: SqliteStore, job: Parameters<SqliteStore['settledUnits']>[0], size: number): SettledUnit[] => {
  const out: SettledUnit[] = []
  for (let from = 0; ;) {
    const page = store.settledUnits(job, from, size)
    out.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < size) return out
    from = last.unit + 1
  }
}

/** Comparing ten thousand objects by the test runner takes seconds. */
const print = (units: readonly SettledUnit[]) => {
  const hash = createHash('sha256')
  for (const { unit, digest, value, settledAt, errorProbability, votes } of units) {
    hash.update(JSON.stringify([unit, digest, settledAt, errorProbability, [...value], votes.map((vote) => Object.entries(vote).sort())]))
  }
  return `${units.length} units, ${hash.digest('hex')}`
}

describe('a segment file', () => {
  it('is closed once: what has got its number since, a socket or the database, stays open', async () => {
    const writer = new SegmentWriter(join(temporary.path, 'one.tmp'), '00'.repeat(32) as Parameters<SqliteStore['settledUnits']>[0])
    writer.add(settledUnit(0))
    await writer.finish((sha256) => join(temporary.path, sha256))
    const others = Array.from({ length: 8 }, () => openSync(temporary.path, 'r'))
    writer.abandon()
    expect(() => {
      for (const other of others) closeSync(other)
    }).not.toThrow()
  })

  it('gives back what was written into it, from any unit on', async () => {
    const holder = fc.constantFrom(...range(0, 9).flatMap((n) => settledUnit(n).votes.map((vote) => vote.holder)))
    const digest = fc.oneof(
      fc.constant('00'.repeat(32) as ContentHash),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex') as ContentHash)
    )
    const vote = fc.record({
      epoch: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      holder,
      numericClass: fc.constantFrom('', 'ieee754', 'vendor/é'),
      verdict: fc.constantFrom('canonical' as const, 'agrees' as const, 'rejected' as const),
      probeVersion: fc.constantFrom(1, 2, 300),
      digest,
      computeMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      metric: fc.constantFrom(0, 0, 1.5, MAX_DIFFERENCE),
      bound: fc.constantFrom(0, 0, 1)
    })
    const unit = fc.record({
      unit: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
      digest,
      value: fc.oneof(
        { weight: 20, arbitrary: fc.uint8Array({ maxLength: 40 }) },
        { weight: 1, arbitrary: fc.constant(new Uint8Array(300_000).fill(7)) }
      ),
      votes: fc.array(vote, { maxLength: 4 }),
      errorProbability: fc.double({ min: 0, max: 1, noNaN: true }),
      settledAt: fc.integer({ min: 0, max: 8_640_000_000_000_000 })
    })
    let n = 0
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(unit, { selector: (u) => u.unit, minLength: 1, maxLength: 700 }), fc.nat(), async (units, at) => {
        units.sort((a, b) => a.unit - b.unit)
        const path = join(temporary.path, `${n++}.seg`)
        const writer = new SegmentWriter(`${path}.tmp`, 'ab'.repeat(32) as Parameters<SqliteStore['settledUnits']>[0])
        for (const each of units) writer.add(each)
        const written = await writer.finish(() => path)
        const reader = new SegmentReader(path)
        expect(written).toMatchObject({ first: units[0]?.unit, last: units.at(-1)?.unit, units: units.length })
        expect(reader.job).toBe('ab'.repeat(32))
        const from = units[at % units.length]?.unit ?? 0
        const rest = units.filter((each) => each.unit >= from)
        expect([...reader.units(from)]).toEqual(rest)
        expect([...reader.digests(from + 1)]).toEqual(rest.slice(1).map(({ unit: number, digest }) => ({ unit: number, digest })))
      }),
      { numRuns: 20 }
    )
  })

  it('of version 1 is read as it was written', () => {
    const path = join(temporary.path, 'old.seg')
    writeFileSync(path, inflateRawSync(Buffer.from(VERSION_1, 'base64')))
    const reader = new SegmentReader(path)
    expect(reader.job).toBe('ab'.repeat(32))
    expect([...reader.units(0)]).toEqual([3, 7].map(settledUnit))
    expect([...reader.digests(4)]).toEqual([{ unit: 7, digest: settledUnit(7).digest }])
  })

  it('that was changed, cut off, or is none says so with its name', async () => {
    const path = join(temporary.path, 'one.seg')
    const writer = new SegmentWriter(`${path}.tmp`, '00'.repeat(32) as Parameters<SqliteStore['settledUnits']>[0])
    for (const unit of range(0, 1_000)) writer.add(settledUnit(unit))
    await writer.finish(() => path)
    const whole = readFileSync(path)
    const readAll = () => [...new SegmentReader(path).units(0)]
    expect(readAll()).toHaveLength(1_000)
    for (let at = 8; at < whole.length; at += 2_311) {
      if (at < 40) continue
      const bad = Buffer.from(whole)
      bad[at] = (bad[at] ?? 0) ^ 0x10
      writeFileSync(path, bad)
      expect(readAll, `byte ${at}`).toThrow(path)
      expect(readAll).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }))
    }
    for (const bytes of [Buffer.alloc(0), Buffer.from('PCSEGM'), whole.subarray(0, -1), whole.subarray(0, 100), Buffer.alloc(10_000)]) {
      writeFileSync(path, bytes)
      expect(readAll).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }))
    }
  })
})

describe('settled units', () => {
  it('leave the database for files when there are many, and are read as before, also those that settle late', async () => {
    const store = open()
    const drive = driveStore(store)
    const late = new Set([5, 4_000, 4_001, 9_999])
    const early = range(0, 10_000).filter((unit) => !late.has(unit))
    for (let at = 0; at < early.length; at += 500) drive.settle(early.slice(at, at + 500))
    await store.moved()
    expect(segmentFiles().length).toBeGreaterThanOrEqual(2)
    expect(rowsOf(store)).toBeLessThan(SEGMENT_UNITS)
    drive.settle([...late])
    expect(print(paged(store, drive.job, 777))).toBe(print(range(0, 10_000).map(settledUnit)))
    expect(store.settledDigests(drive.job, 3_990, 4_500)).toEqual(
      range(3_990, 510).map((unit) => ({ unit, digest: settledUnit(unit).digest }))
    )
    expect(store.settledUnits(drive.job, 10_000, 10)).toEqual([])

    store.close()
    const again = open()
    const job = rebuild(again.load()).jobs.get(drive.job)
    expect([job?.settled.size, [...(job?.settled.ranges() ?? [])]]).toEqual([10_000, [[0, 10_000]]])
    driveStore(again).end()
    await again.moved()
    expect(rowsOf(again)).toBeLessThan(LAST_SEGMENT_UNITS)
    expect(print(paged(again, drive.job, 4_096))).toBe(print(range(0, 10_000).map(settledUnit)))
  })

  it('of a small job stay where they are', async () => {
    const store = open()
    const drive = driveStore(store)
    drive.settle(range(0, LAST_SEGMENT_UNITS - 1))
    drive.end()
    await store.moved()
    expect(segmentFiles()).toEqual([])
    expect(paged(store, drive.job, 100)).toHaveLength(LAST_SEGMENT_UNITS - 1)
  })

  it('are in neither place twice nor missing when the process died between file, row and deletion', async () => {
    const store = open()
    const drive = driveStore(store)
    drive.settle(range(0, SEGMENT_UNITS))
    await store.moved()
    store.close()
    const [name = ''] = segmentFiles()
    const path = join(temporary.path, 'segments', name)

    // As it is when it died right after the file: no row, all units still in the database; and one file that was never finished.
    const row = withDatabase((database) => {
      const segment = database.prepare('SELECT * FROM segments').get()
      database.exec('DELETE FROM segments')
      return segment
    })
    const bytes = readFileSync(path)
    rmSync(path)
    const lost = open()
    const refilled = driveStore(lost)
    expect(refilled.state.jobs.get(drive.job)?.settled.size).toBe(0)
    refilled.settle(range(0, 1_000))
    lost.close()
    writeFileSync(path, bytes)
    writeFileSync(join(temporary.path, 'segments', '1-2.tmp'), 'half')
    open().close()
    expect(segmentFiles()).toEqual([])

    // As it is when it died before the rows were deleted.
    writeFileSync(path, bytes)
    withDatabase((database) => {
      database
        .prepare('INSERT INTO segments (job, no, first, last, units, bytes, sha256, ranges, cleared) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)')
        .run(...(['job', 'no', 'first', 'last', 'units', 'bytes', 'sha256', 'ranges'] as const).map((column) => row?.[column] ?? null))
    })
    const after = open()
    expect(rowsOf(after)).toBe(1_000)
    expect(print(paged(after, drive.job, 999))).toBe(print(range(0, SEGMENT_UNITS).map(settledUnit)))
    expect(rebuild(after.load()).jobs.get(drive.job)?.settled.size).toBe(SEGMENT_UNITS)
    await after.moved()
    expect(rowsOf(after)).toBe(0)
    expect(print(paged(after, drive.job, 999))).toBe(print(range(0, SEGMENT_UNITS).map(settledUnit)))
  })

  it('in a file of another database are left alone', async () => {
    const store = open()
    const drive = driveStore(store)
    drive.settle(range(0, SEGMENT_UNITS))
    await store.moved()
    store.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
    const fresh = open()
    expect(segmentFiles()).toHaveLength(1)
    expect(paged(fresh, drive.job, 10)).toEqual([])
  })

  it('cannot be started with when a file of them is missing or has another size', async () => {
    const store = open()
    driveStore(store).settle(range(0, SEGMENT_UNITS))
    await store.moved()
    store.close()
    const [name = ''] = segmentFiles()
    const path = join(temporary.path, 'segments', name)
    renameSync(path, `${path}.away`)
    expect(open).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED', detail: expect.stringContaining(name) as string }))
    writeFileSync(path, readFileSync(`${path}.away`).subarray(1))
    expect(open).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED', detail: expect.stringContaining(name) as string }))
    renameSync(`${path}.away`, path)
    open()
  })
})

function withDatabase<T>(work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file)
  try {
    return work(database)
  } finally {
    database.close()
  }
}
