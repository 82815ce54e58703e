/** A coordinator on a file system that is really full, ten times: a small tmpfs of a namespace of its own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'

const folder = mkdtempSync(join(tmpdir(), 'peercompute-full-'))
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const inNamespace = (command: string) =>
  spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', command], { encoding: 'utf8', timeout: 150_000 })
const MOUNT = `mount -t tmpfs -o size=192m tmpfs ${folder}`
const allowed = inNamespace(MOUNT).status === 0
const WHY_NOT = allowed ? '' : ' (this machine allows no mount in a namespace of its own, so no disk can be filled)'
/** Ten in the long form: PEERCOMPUTE_DISK_FULL_TIMES=10. */
const TIMES = Number(process.env['PEERCOMPUTE_DISK_FULL_TIMES'] ?? 3)

const roundSchema = z.object({
  acknowledged: z.int(),
  /** What was refused, by code. */
  refused: z.record(z.string(), z.int()),
  /** Of a job that was handed in while there was no room. */
  http: z.object({ status: z.int(), retryAfter: z.string().nullable(), code: z.string() }).nullable(),
  alarmed: z.boolean(),
  resumed: z.boolean()
})
const endSchema = z.object({
  lost: z.array(z.int()),
  settled: z.int(),
  credit: z.int(),
  integrity: z.string(),
  rounds: z.array(roundSchema)
})

it.skipIf(!allowed)(
  `fills up ${TIMES} times, loses nothing that it acknowledged, says 503 and when to come back, and recovers by itself${WHY_NOT}`,
  () => {
    const child = fileURLToPath(new URL('small-disk-child.ts', import.meta.url))
    const { status, stdout, stderr } = inNamespace(`${MOUNT} && exec "${process.execPath}" "${child}" "${folder}" ${TIMES}`)
    expect({ status, stderr: stderr.slice(-2_000) }).toMatchObject({ status: 0 })
    const end = endSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
    expect(end).toMatchObject({ lost: [], integrity: 'ok' })
    expect(end.credit).toBe(end.settled)
    expect(end.rounds).toHaveLength(TIMES)
    for (const round of end.rounds) {
      expect(round.resumed).toBe(true)
      expect(round.acknowledged).toBeGreaterThan(0)
    }
    // The log may happen to have room enough for one of the times.
    const full = end.rounds.filter(({ refused }) => Object.keys(refused).length > 0)
    expect(full.length).toBeGreaterThanOrEqual(TIMES / 2)
    for (const { refused, alarmed } of full) expect([Object.keys(refused), alarmed]).toEqual([['STORE_FULL'], true])
    const answers = end.rounds.flatMap(({ http }) => (http === null ? [] : [http]))
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) expect(answer).toEqual({ status: 503, retryAfter: '30', code: 'STORE_FULL' })
  },
  180_000
)
