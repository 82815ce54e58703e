/** `serve` as everybody runs it, in a process of its own that tells what it costs. */
import { readFileSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import type { JobId } from '@peercompute/job-specs'
import type { RunningServer } from '@peercompute/relay-coordinator'
import { answerCommands } from '@peercompute/tests/child'
import { monotonicMs } from '../time.ts'
import { accountOf } from './job-account.ts'

let server: RunningServer | undefined
/** When a job was seen to have ended, by the coordinator's own account after the commit. */
const endedAt = new Map<JobId, number>()

function running(): RunningServer {
  if (server === undefined) throw new Error('the coordinator is not started')
  return server
}

const commands = {
  async start({ dataDir }: { dataDir: string }) {
    // as the program does
    process.env['UV_THREADPOOL_SIZE'] = '2'
    Buffer.poolSize = 8 * 1024
    enableCompileCache()
    const [{ serve }, { sandboxDocumentApart }] = await Promise.all([
      import('@peercompute/relay-coordinator'),
      import('@peercompute/worker-client/sandbox/apart')
    ])
    server = await serve({ dataDir, host: '127.0.0.1', port: 0, sandboxPage: sandboxDocumentApart })
    flushCompileCache()
    const { coordinator, port, peerId, root, url } = server
    coordinator.onSettlement((settlement) => {
      if (settlement.kind === 'ended') endedAt.set(settlement.job, monotonicMs())
    })
    return { url, port, peerId, root }
  },
  /** CPU of the whole process so far, in milliseconds; resident memory in bytes. */
  cost: () => {
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1_000, residentBytes: residentBytes(), at: monotonicMs() }
  },
  /** Null while it goes on. */
  endedAt: (job: JobId) => endedAt.get(job) ?? null,
  pause: (job: JobId) => running().coordinator.pause(job),
  resume: (job: JobId) => running().coordinator.resume(job),
  units: (job: JobId) => running().coordinator.job(job).units,
  account: (job: JobId) => accountOf(running().coordinator, job),
  credit: () => [...running().coordinator.credit().values()].reduce((sum, value) => sum + value, 0),
  stop: async () => {
    await server?.close()
  }
}
export type ServedCommands = typeof commands

/** As the kernel counts it: `process.memoryUsage.rss()` is the same number, rounded at another time. */
function residentBytes(): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return kib === undefined ? process.memoryUsage.rss() : Number(kib) * 1_024
}

answerCommands(commands)
