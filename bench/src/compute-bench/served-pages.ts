/** A real coordinator in a process of its own with the page of these rows, and a line to it that is as long as the row wants. */
import { startLossyTcp } from '@peercompute/tests'
import { startChild } from '@peercompute/tests/child'
import type { Run } from '../bench.ts'
import { coordinatorFolder } from '../coordinator.ts'
import { bundle, PAGE_HTML } from '../serve-page.ts'
import type { ComputeCoordinatorCommands } from './coordinator-process.ts'

/** Milliseconds in each direction. */
export const DELAY_MS = 100
const SEED = 6

export interface ComputeCoordinator {
  /** Without the line. */
  readonly url: string
  /** What volunteers are given. */
  readonly farUrl: string
  readonly pid: number
}

/** `page`: with the browser's page. */
export async function startFarCoordinator(run: Run, page: boolean, delayMs: number): Promise<ComputeCoordinator> {
  const files = page ? await bundle(new URL('../pages/compute-page.ts', import.meta.url)) : new Map<string, string>()
  const folder = coordinatorFolder(run, PAGE_HTML, files)
  const child = await startChild<ComputeCoordinatorCommands>(new URL('coordinator-process.ts', import.meta.url))
  run.after(() => child.kill())
  const { url, port } = await child.call('start', folder)
  if (delayMs === 0) return { url, farUrl: url, pid: child.pid }
  const line = await startLossyTcp(() => port, SEED, { delayMs })
  run.after(() => line.close())
  return { url, farUrl: `http://127.0.0.1:${line.port}`, pid: child.pid }
}
