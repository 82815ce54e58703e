/** A coordinator for a part, and jobs for it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { signSpec, submitAnswerSchema, type KeyPair, type RootId } from '@peercompute/job-specs'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { startChild, type Child } from '@peercompute/tests/child'
import type { Run } from './bench.ts'
import type { CoordinatorCommands } from './coordinator-process.ts'

const SUBMISSIONS_AT_ONCE = 16

/** Where a coordinator keeps its data, and the pages that it serves: `html` at /, each file at its name. */
export function coordinatorFolder(run: Run, html: string, files: ReadonlyMap<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-bench-'))
  run.after(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  for (const [path, content] of [...files, ['/index.html', html] as const]) {
    const file = join(folder, 'pages', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  return folder
}

export interface RunningCoordinator {
  readonly url: string
  readonly root: RootId
  readonly process: Child<CoordinatorCommands>
}

/** `clock`: `stepped` makes time pass only while a history is written. */
export async function startCoordinator(run: Run, folder: string, clock: 'real' | 'stepped' = 'real'): Promise<RunningCoordinator> {
  const child = await startChild<CoordinatorCommands>(new URL('coordinator-process.ts', import.meta.url))
  run.after(() => child.kill())
  const { url, root } = await child.call('start', { dataDir: join(folder, 'data'), pages: join(folder, 'pages'), clock })
  return { url, root, process: child }
}

/** Different jobs, signed by their author and handed over by HTTP. */
export async function submitJobs(url: string, author: KeyPair, count: number): Promise<void> {
  const { manifest, programs } = await loadKernel('n-queens')
  const submit = async (revision: number): Promise<void> => {
    const signed = await signSpec(
      author,
      specFor(manifest, { params: { n: 8 }, revision, verification: { quorum: 2, independence: 'host' } }, programs)
    )
    const answer = await fetch(`${url}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(signed)
    })
    if (!answer.ok) throw new Error(await answer.text())
    const { created, missingBlobs } = submitAnswerSchema.parse(await answer.json())
    if (!created || missingBlobs.length > 0) throw new Error('The coordinator did not take the job as a new and complete one')
  }
  for (let first = 1; first <= count; first += SUBMISSIONS_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(SUBMISSIONS_AT_ONCE, count - first + 1) }, (_, i) => submit(first + i)))
  }
}
