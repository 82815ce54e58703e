/** Units that are taken back, wherever they lie: what the files store says is what the memory store says, whatever happens in between. */
import { hash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ContentHash, JobId } from '@peercompute/job-specs'
import { until } from '@peercompute/p2p/testing'
import { backup } from '../durability/backup.ts'
import { restore } from '../durability/restore.ts'
import { createMemoryStore, rebuild, type CoordinatorEvent, type CoordinatorStore, type SettledUnit } from '../core/index.ts'
import { loadCoordinatorKeys } from '../keys/coordinator-keys.ts'
import { driveStore, range, settledUnit, type StoreDriver } from '../testing/drive-store.ts'
import { u32 } from '../testing/fixtures.ts'
import { dataLayout } from '../config/data-layout.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { LAST_SEGMENT_UNITS } from './segment-mover.ts'
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts'

const UNITS = LAST_SEGMENT_UNITS + 200

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let faults: unknown[]
beforeEach(async () => {
  temporary = await temporaryFolder()
  faults = []
})
afterEach(async () => {
  await temporary[Symbol.asyncDispose]()
  expect(faults).toEqual([])
})

const open = (file: string): SqliteStore => openSqliteStore(file, { onFault: (error) => faults.push(error) })

/** As it is settled for the `version`-th time: another value each time. */
function versionOf(unit: number, version: number): SettledUnit {
  const value = u32(unit + 1_000_000 * version)
  const digest = hash('sha256', value) as ContentHash
  const settled = settledUnit(unit)
  return { ...settled, value, digest, errorProbability: version / 8, votes: settled.votes.map((vote) => ({ ...vote, digest })) }
}

function settled(job: JobId, { settledAt, ...unit }: SettledUnit): CoordinatorEvent {
  return { type: 'settled', job, ...unit, microCredits: 3, at: settledAt }
}

function reopened(job: JobId, units: readonly SettledUnit[], kept: boolean): CoordinatorEvent[] {
  return [
    { type: 'job-state', job, state: 'running', at: 3, why: 'units_reopened' },
    {
      type: 'units-reopened',
      job,
      cause: kept ? 'doubted' : 'banned',
      microCredits: 3,
      at: 3,
      units: units.map(({ unit, value, votes }) => ({
        unit,
        value,
        votes,
        keep: kept
          ? votes.map(({ epoch, holder, numericClass, probeVersion, digest }) => ({
              epoch,
              holder,
              numericClass,
              probeVersion,
              digest,
              value,
              computeMs: 1,
              at: 3
            }))
          : []
      }))
    }
  ]
}

const ended = (job: JobId): CoordinatorEvent => ({ type: 'job-state', job, state: 'completed', at: 4 })

/** Comparing a thousand objects by the test runner takes a second. */
function print(store: CoordinatorStore, job: JobId): unknown {
  const units = store.settledUnits(job, 0, 2 * UNITS)
  const rows = store.load()
  const results = rows.results.map(({ unit, result }) => [unit, result.epoch, result.digest]).sort()
  return {
    units: hash(
      'sha256',
      JSON.stringify(
        units.map(({ unit, value, votes, ...rest }) => [
          unit,
          [...value],
          votes.map((vote) => Object.entries(vote).sort()),
          rest.errorProbability,
          rest.settledAt
        ])
      )
    ),
    digests: hash('sha256', JSON.stringify(store.settledDigests(job, 7, UNITS).map(({ unit, digest }) => [unit, digest]))),
    ranges: [...(rebuild(rows).jobs.get(job)?.settled.ranges() ?? [])],
    results,
    reopenings: store.reopenings(),
    reputations: rows.reputations.length
  }
}

type Step =
  | { do: 'reopen'; first: number; every: number; kept: boolean }
  | { do: 'settle'; half: boolean }
  | { do: 'end' | 'moved' | 'restart' | 'told' }
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('reopen' as const), first: fc.nat(UNITS), every: fc.constantFrom(1, 2, 7, 100), kept: fc.boolean() }),
  fc.record({ do: fc.constant('settle' as const), half: fc.boolean() }),
  fc.record({ do: fc.constantFrom('end' as const, 'moved' as const, 'restart' as const, 'told' as const) })
)

it('random histories: rows, segments, copies under way and restarts never bring a reopened unit back, nor lose one that is settled again', async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
      const file = join(temporary.path, String(runs++), 'coordinator.sqlite')
      await mkdir(join(file, '..'))
      const memory = createMemoryStore()
      let files = open(file)
      const first = driveStore(memory, { unitCount: UNITS })
      let second: StoreDriver = driveStore(files, { unitCount: UNITS })
      const { job } = first
      const versions = new Map<number, number>(range(0, UNITS).map((unit) => [unit, 1]))
      let out = new Set<number>()
      const commit = (...events: CoordinatorEvent[]) => {
        first.commit(...events)
        second.commit(...events)
      }
      commit(...range(0, UNITS).map((unit) => settled(job, versionOf(unit, 1))), ended(job))
      for (const each of steps) {
        if (each.do === 'reopen') {
          const units = range(each.first, UNITS - each.first).filter((unit) => unit % each.every === 0 && !out.has(unit))
          if (units.length > 0)
            commit(
              ...reopened(
                job,
                units.map((unit) => versionOf(unit, versions.get(unit) ?? 1)),
                each.kept
              )
            )
          for (const unit of units) {
            out.add(unit)
            versions.set(unit, (versions.get(unit) ?? 1) + 1)
          }
        } else if (each.do === 'settle') {
          const units = [...out].filter((unit) => !each.half || unit % 2 === 0)
          if (units.length > 0) commit(...units.map((unit) => settled(job, versionOf(unit, versions.get(unit) ?? 1))))
          out = new Set([...out].filter((unit) => !units.includes(unit)))
        } else if (each.do === 'end' && out.size === 0) commit(ended(job))
        else if (each.do === 'moved') await files.moved()
        else if (each.do === 'restart') {
          files.close()
          files = open(file)
          second = driveStore(files, { unitCount: UNITS })
        } else if (each.do === 'told') for (const store of [memory, files]) store.reopeningsTold(store.reopenings().at(-1)?.no ?? 0)
        expect(print(files, job)).toEqual(print(memory, job))
      }
      await files.moved()
      expect(print(files, job)).toEqual(print(memory, job))
      files.close()
    }),
    { numRuns: 8 }
  )
}, 60_000)

it('a copy that a reopening overtakes is given up, and no row that is settled again is deleted with the old ones', async () => {
  const file = join(temporary.path, 'coordinator.sqlite')
  const store = open(file)
  const drive = driveStore(store, { unitCount: UNITS })
  const { job } = drive
  drive.commit(...range(0, UNITS).map((unit) => settled(job, versionOf(unit, 1))), ended(job))
  await until(() => readdirSync(join(temporary.path, 'segments')).some((name) => name.endsWith('.tmp')), 'a copy is under way')
  drive.commit(...reopened(job, [versionOf(3, 1)], false))
  drive.commit(settled(job, versionOf(3, 2)), ended(job))
  await store.moved()
  expect(store.database.prepare('SELECT COUNT(*) AS n FROM settled').get()).toEqual({ n: 0 })
  expect(store.settledUnits(job, 3, 1)).toEqual([versionOf(3, 2)])

  // In a segment by now: void there, and read from its newer place.
  drive.commit(...reopened(job, [versionOf(3, 2), versionOf(9, 1)], false))
  expect(store.settledUnits(job, 3, 1).map(({ unit }) => unit)).toEqual([4])
  drive.commit(settled(job, versionOf(3, 3)))
  // As it is when the process dies before the rows of the segment are deleted: they are deleted then, and the newer row stays.
  store.database.exec('UPDATE segments SET cleared = 0')
  store.close()
  const again = open(file)
  await again.moved()
  expect(again.settledUnits(job, 3, 1)).toEqual([versionOf(3, 3)])
  expect(rebuild(again.load()).jobs.get(job)?.settled.has(9)).toBe(false)
  expect(
    again
      .auditEntries(1, 100)
      .filter(({ kind }) => kind === 'units-reopened')
      .at(-1)?.body
  ).toMatchObject({
    job,
    cause: 'banned',
    units: [
      [3, 1],
      [9, 1]
    ]
  })
  expect(again.auditBrokenAt()).toBe(null)
  again.close()
})

it('a backup counts and brings back what is settled, not what is void', async () => {
  const dataDir = join(temporary.path, 'data')
  const layout = dataLayout(dataDir)
  for (const folder of [layout.keys, layout.blobs]) await mkdir(folder, { recursive: true })
  await loadCoordinatorKeys(layout.keys, 1)
  const store = openSqliteStore(layout.database, { segments: layout.segments, onFault: (error) => faults.push(error) })
  const drive = driveStore(store, { unitCount: UNITS })
  const { job } = drive
  drive.commit(...range(0, UNITS).map((unit) => settled(job, versionOf(unit, 1))), ended(job))
  await store.moved()
  drive.commit(
    ...reopened(
      job,
      [3, 9].map((unit) => versionOf(unit, 1)),
      false
    )
  )
  drive.commit(settled(job, versionOf(3, 2)))
  const signal = AbortSignal.timeout(20_000)
  const made = await backup({ dataDir, to: join(temporary.path, 'copy'), now: 5, signal })
  expect(made.settledUnits).toBe(UNITS - 1)
  await restore({ from: join(temporary.path, 'copy'), dataDir: join(temporary.path, 'back'), now: 6_000, signal })
  const back = dataLayout(join(temporary.path, 'back'))
  const again = openSqliteStore(back.database, { segments: back.segments })
  expect(again.settledUnits(job, 0, 10).map(({ unit, errorProbability }) => [unit, errorProbability])).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10].map((unit) => [unit, unit === 3 ? 2 / 8 : 1 / 8])
  )
  expect(again.reopenings()).toEqual(store.reopenings())
  again.close()
  store.close()
})
