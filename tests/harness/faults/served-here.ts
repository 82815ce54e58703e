/** A coordinator in this process, for faults that do not end it: all of it, with its own clock if need be. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobDetailSchema } from '@peercompute/job-specs'
import type { Clock } from '@peercompute/p2p/time'
import { serve } from '@peercompute/relay-coordinator'
import type { TestServer } from '../server.ts'

/** What a campaign needs of a coordinator, wherever it runs. */
export type Served = Pick<TestServer, 'url' | 'port' | 'root' | 'dataDir' | 'get' | 'job' | 'stop'>

export interface ServeHereOptions {
  readonly clock?: Clock
  /** Where the world is told to find it, instead of its own port: a line in front of it. */
  readonly announcedPort?: number
}

export async function serveHere({ clock, announcedPort }: ServeHereOptions = {}): Promise<Served> {
  const dataDir = mkdtempSync(join(tmpdir(), 'peercompute-here-'))
  const running = await serve({
    dataDir,
    port: 0,
    ...(clock === undefined ? {} : { clock }),
    ...(announcedPort === undefined ? {} : { publicUrl: `http://127.0.0.1:${announcedPort}`, newResearchers: 'admit' })
  })
  const url = `http://127.0.0.1:${running.port}`
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`)
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  return {
    url,
    port: running.port,
    root: running.root,
    dataDir,
    get,
    job: async (id) => jobDetailSchema.parse(await get(`/api/v1/jobs/${id}`)),
    stop: async () => {
      await running.close()
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}
