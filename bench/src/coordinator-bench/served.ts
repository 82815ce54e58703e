/** A coordinator for a part, and the load for it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JobId, RootId } from '@peercompute/job-specs'
import { until } from '@peercompute/tests'
import { startChild, type Child } from '@peercompute/tests/child'
import { startGenerators, type Generators, type GeneratorsOptions } from '@peercompute/tests/load'
import { bundle } from '../../../scripts/lib/bundle.mjs'
import type { Run } from '../bench.ts'
import { checkCredit, checkJob, signedLoadJob, submitLoadJob } from './load-job.ts'
import type { ServedCommands } from './served-process.ts'

/** Options of Node with which the program is started, from its first line. */
function programOptions(): string[] {
  const [first = ''] = readFileSync(new URL('../../../cli/src/main.mjs', import.meta.url), 'utf8').split('\n', 1)
  return first.split(' ').filter((word) => word.startsWith('--'))
}

export const SERVED_CONDITIONS = [
  `one machine, loopback, the generator on the same cores; the coordinator is serve in one process, bundled and with the options of Node, the compile cache and the sandbox page as the program peercompute has them (${programOptions().join(' ')}): SQLite WAL, synchronous=FULL, every acknowledgement after the commit; reports, leases’ jobs and the ledger are signed and checked, the ledger projection runs`
] as const

export interface Served {
  readonly url: string
  readonly root: RootId
  /** What libp2p dials. */
  readonly address: string
  readonly process: Child<ServedCommands>
  /** Volunteers that all come before this resolves. */
  load(options: Omit<GeneratorsOptions, 'coordinator' | 'seed'>): Promise<Generators>
  submit(units: number): Promise<JobId>
  /** Milliseconds of the machine's clock at which the job ended. */
  ended(job: JobId, timeoutMs: number): Promise<number>
  /** Throws unless the books of all jobs of this coordinator are right. `complete`: and all of them have ended well. */
  check(complete: boolean): Promise<void>
}

/** Same volunteers in every run. */
const SEED = 4
/** Volunteers have all begun to come after `comingMs`; a coordinator lets a crowd in at its pace, and a refused one tries again. */
const COME_MS = 90_000
const COME_SHARE = 1.5

const BUNDLE = new URL('../../dist/', import.meta.url)
let bundled: Promise<void> | undefined

/** Bundled once, as the program is. */
async function servedScript(): Promise<URL> {
  bundled ??= bundle({ served: fileURLToPath(new URL('served-process.ts', import.meta.url)) }, fileURLToPath(BUNDLE))
  await bundled
  return new URL('served.js', BUNDLE)
}

export async function startServed(run: Run): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-bench-'))
  run.after(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const child = await startChild<ServedCommands>(await servedScript(), programOptions())
  run.after(() => child.kill())
  const { url, port, peerId, root } = await child.call('start', { dataDir: join(folder, 'data') })
  const jobs: JobId[] = []
  return {
    url,
    root,
    address: `/ip4/127.0.0.1/tcp/${port}/ws/p2p/${peerId}`,
    process: child,
    async load(options) {
      const generators = await startGenerators({ coordinator: { port, peerId, root }, seed: SEED, ...options })
      run.after(() => generators.stop())
      await generators.connected(COME_MS + COME_SHARE * generators.comingMs)
      return generators
    },
    async submit(units) {
      const job = await submitLoadJob(url, await signedLoadJob(units))
      jobs.push(job)
      return job
    },
    async ended(job, timeoutMs) {
      await until('the end of the job', async () => (await child.call('endedAt', job)) !== null, timeoutMs).catch(
        async (cause: unknown) => {
          throw new Error(`After ${timeoutMs} ms: ${JSON.stringify(await child.call('units', job))}`, { cause })
        }
      )
      return (await child.call('endedAt', job)) ?? 0
    },
    async check(complete) {
      let settled = 0
      for (const job of jobs) {
        const account = await child.call('account', job)
        checkJob(account, complete)
        settled += account.validated
      }
      checkCredit(await child.call('credit', undefined), settled)
    }
  }
}
