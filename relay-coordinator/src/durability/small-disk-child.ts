/** Run on a small file system of its own: a coordinator whose disk is filled and emptied again. Arguments: folder, times. */
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair, PeerComputeError, signSpec, type JobSpec } from '@peercompute/job-specs'
import { systemClock } from '@peercompute/p2p/time'
import { serve } from '../serve.ts'
import { LOOK_MS } from './disk-guard.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { connectedHost, reportOf, smallSpec } from '../testing/fixtures.ts'

const [, , folder = '', times = '1'] = process.argv
const FLOATS = 4_096
const VALUE_BYTES = FLOATS * 4
const UNITS_AT_ONCE = 16
/** 8 MiB of results: more than the log has room for, which SQLite does not give back. */
const LEASES = 32
const MIN_FREE = 1_000_000
/** Left when the disk has been filled by something else. */
const LEFT = 200_000
/** Five seconds between two looks at the disk would make this last for minutes. */
const HURRY = 50

const dataDir = join(folder, 'data')
const server = await serve({
  dataDir,
  port: 0,
  minFree: MIN_FREE,
  clock: { now: () => Date.now(), schedule: (ms, task) => systemClock.schedule(ms === LOOK_MS ? ms / HURRY : ms, task) }
})
const { coordinator } = server
const author = await generateKeyPair({ extractable: true })
const spec = (revision: number): JobSpec => ({
  ...smallSpec({ unitCount: 1_000_000, verification: { quorum: 1 } }),
  revision,
  outputs: [{ name: 'count', type: 'f32', shape: [FLOATS] }],
  reduce: { kind: 'none' },
  limits: { unitSeconds: 1, outputBytes: VALUE_BYTES, memoryBytes: 1_048_576 }
})
const { id: job, missingBlobs } = await coordinator.submit(await signSpec(author, spec(1)), false)
for (const sha256 of missingBlobs) await coordinator.blobArrived(sha256)
const volunteer = connectedHost('a')
await coordinator.hostConnected(volunteer)

const acknowledged = new Set<number>()
const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
const codeOf = (error: unknown): string => (error instanceof PeerComputeError ? error.code : String(error))
const free = () => {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

type Leases = Awaited<ReturnType<typeof coordinator.ask>>['leases']
const ask = async (): Promise<Leases> =>
  (await coordinator.ask(volunteer.host, { executor: 'js', units: UNITS_AT_ONCE, seconds: 0 })).leases
const report = async (leases: Leases): Promise<void> => {
  for (const lease of leases) {
    const units = Array.from({ length: lease.count }, (_, i) => ({
      unit: lease.start + i,
      value: new Uint8Array(VALUE_BYTES).fill(lease.start + i)
    }))
    const { report: signed, values } = reportOf(volunteer.host, lease, units)
    for (const { unit, answer } of await coordinator.report(signed, Buffer.concat(values)))
      if (answer === 'accepted') acknowledged.add(unit)
  }
}

/** Everything but `LEFT` bytes, by somebody who does not care. */
function fill(): string {
  const path = join(folder, 'somebody-elses')
  const file = openSync(path, 'w')
  const chunk = Buffer.alloc(65_536, 1)
  while (free() > LEFT) writeSync(file, chunk)
  closeSync(file)
  return path
}

async function submitOverHttp(revision: number) {
  const response = await fetch(`${server.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(await signSpec(author, spec(revision)))
  })
  const body = (await response.json()) as { code?: string }
  return response.ok ? null : { status: response.status, retryAfter: response.headers.get('retry-after'), code: body.code ?? '' }
}

const rounds: unknown[] = []
for (let time = 0; time < Number(times); time++) {
  const before = acknowledged.size
  // Leases that are given out before the disk is full: their results come when it is.
  const held: Leases[] = []
  for (let n = 0; n < LEASES; n++) held.push(await ask())
  const ballast = fill()
  const refused: Record<string, number> = {}
  let http: Awaited<ReturnType<typeof submitOverHttp>> = null
  const waiting: Leases[] = []
  for (const leases of held)
    try {
      await report(leases)
    } catch (error) {
      const code = codeOf(error)
      refused[code] = (refused[code] ?? 0) + 1
      waiting.push(leases)
      http ??= await submitOverHttp(100 + time)
    }
  const ready = (await (await fetch(`${server.url}/readyz`)).json()) as { alarm?: string }
  const none = (await ask().catch(() => [])).length === 0
  rmSync(ballast)
  await until(async () => ((await (await fetch(`${server.url}/readyz`)).json()) as { alarm?: string }).alarm === undefined)
  // The volunteer sends again what was not acknowledged.
  for (const leases of waiting) await report(leases)
  const next = await ask()
  await report(next)
  rounds.push({
    acknowledged: acknowledged.size - before,
    refused,
    http,
    alarmed: ready.alarm !== undefined && none,
    resumed: next.length > 0
  })
}
await server.close()

const store = openSqliteStore(join(dataDir, 'coordinator.sqlite'))
const settled = new Set<number>()
for (let from = 0; ;) {
  const page = store.settledUnits(job, from, 64)
  for (const { unit, value } of page) if (value.length === VALUE_BYTES && value[0] === unit % 256) settled.add(unit)
  const last = page.at(-1)
  if (last === undefined) break
  from = last.unit + 1
}
const credit = store.load().credit.reduce((sum, [, microCredits]) => sum + microCredits, 0)
const [check] = store.database.prepare('PRAGMA integrity_check').all()
store.close()
process.stdout.write(
  `${JSON.stringify({ lost: [...acknowledged].filter((unit) => !settled.has(unit)), settled: settled.size, credit, integrity: String(check?.['integrity_check']), rounds })}\n`
)
