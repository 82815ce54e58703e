import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { rebuild } from '../core/index.ts'
import { openSqliteStore } from './sqlite-store.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-store-'))
})
afterEach(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

it('a process killed at any moment has lost no acknowledged result and credited none twice', async () => {
  const file = join(folder, 'coordinator.db')
  const acknowledged = new Set<string>()
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, [fileURLToPath(new URL('crash-child.ts', import.meta.url)), file], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const closed = once(child, 'close')
    let text = ''
    const wanted = 20 + round * 137
    for await (const chunk of child.stdout) {
      text += String(chunk)
      if (text.split('\n').length <= wanted) continue
      child.kill('SIGKILL')
      break
    }
    await closed
    for (const line of text.split('\n').slice(0, -1)) acknowledged.add(line)

    const store = openSqliteStore(file)
    const state = rebuild(store.load())
    const [job] = state.jobs.values()
    if (job === undefined) throw new Error('the job is lost')
    const settled = store.settledUnits(job.id, 0, 1_000_000)
    const present = new Set(settled.flatMap((unit) => unit.votes.map((vote) => `${vote.holder.host} ${unit.unit}`)))
    for (const [number, unit] of job.units) for (const result of unit.results) present.add(`${result.holder.host} ${number}`)
    expect([...acknowledged].filter((line) => !present.has(line))).toEqual([])
    expect([...state.credit.values()].reduce((sum, each) => sum + each, 0)).toBe(settled.length * 2)
    expect(job.settled.size).toBe(settled.length)
    store.close()
  }
  expect(acknowledged.size).toBeGreaterThan(400)
}, 60_000)

it('a file that is no database is refused with the place', () => {
  const file = join(folder, 'coordinator.db')
  writeFileSync(file, 'this is not a database, and it is long enough to be read as a header of one '.repeat(20))
  expect(() => openSqliteStore(file)).toThrow('coordinator.db')
})
