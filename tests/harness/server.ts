/** A real coordinator in a process of its own, on a free loopback port, with a data folder that outlives its death. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { jobDetailSchema, jobPageSchema, type JobDetail, type JobId } from '@peercompute/job-specs'
import { lastingPort } from './lasting-port.ts'
import { startCli, type RunningProcess } from './process.ts'
import { until } from './until.ts'

const readySchema = z.object({ url: z.string(), port: z.int(), root: z.string(), adminToken: z.string().nullable() })

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly root: string
  readonly dataDir: string
  readonly process: RunningProcess
  get(path: string): Promise<unknown>
  job(id: string): Promise<JobDetail>
  jobIds(): Promise<readonly JobId[]>
  /** SIGKILL, then a new process on the same port and folder. */
  killAndRestart(): Promise<void>
  stop(): Promise<void>
}

export interface ServerOptions {
  readonly args?: readonly string[]
  readonly dataDir?: string
  /** Options of Node itself. */
  readonly nodeArgs?: readonly string[]
  /** Another program than `peercompute serve`, which prints the same first line. */
  readonly launch?: (port: number, dataDir: string) => RunningProcess
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'peercompute-test-'))
  const launch = async (port: number) => {
    const running =
      options.launch?.(port, dataDir) ??
      startCli(['serve', '--port', String(port), '--data', dataDir, '--json', ...(options.args ?? [])], {}, options)
    const [line] = await running.line(/^\{.*\}$/m, 60_000)
    return { running, ready: readySchema.parse(JSON.parse(line)) }
  }
  let { running, ready } = await launch(await lastingPort())
  const base = `http://127.0.0.1:${ready.port}`
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${base}${path}`)
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  return {
    url: base,
    port: ready.port,
    root: ready.root,
    dataDir,
    get process() {
      return running
    },
    get,
    job: async (id) => jobDetailSchema.parse(await get(`/api/v1/jobs/${id}`)),
    jobIds: async () => jobPageSchema.parse(await get('/api/v1/jobs')).jobs.map((job) => job.id),
    killAndRestart: async () => {
      await running.end('SIGKILL')
      ;({ running, ready } = await launch(ready.port))
      await until('the restarted coordinator', async () => (await fetch(`${base}/readyz`)).ok).catch((cause: unknown) => {
        const { child } = running
        throw new Error(
          `${String(cause)}\nexit: ${child.exitCode ?? child.signalCode ?? 'none'}\nstdout: ${running.stdout()}\nstderr: ${running.stderr()}`,
          { cause }
        )
      })
    },
    stop: async () => {
      await running.end()
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    }
  }
}
