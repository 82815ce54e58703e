/** Copies of a coordinator's data folder, and data folders from copies. Neither needs the coordinator, nor minds that it runs. */
import { resolve } from 'node:path'
import type { Backup, Manifest } from '@peercompute/relay-coordinator'
import { json, type Context, type SharedOptions } from '../context.ts'
import { count, percent } from '../output/format.ts'
import { bar } from '../output/progress.ts'

export interface BackupOptions extends SharedOptions {
  readonly data?: string
}

export async function backup(context: Context, folder: string, options: BackupOptions): Promise<void> {
  const { backup: run } = await import('@peercompute/relay-coordinator')
  const made: Backup = await run({
    dataDir: dataDirOf(context, options),
    to: folder,
    now: Date.now(),
    signal: context.signal,
    onProgress: (part, share) => {
      showShare(context, part, share)
    }
  })
  for (const warning of made.warnings) context.terminal.talk(context.terminal.style('yellow', warning))
  await tell(context, resolve(folder), made, options, 'Backed up')
}

export async function restore(context: Context, folder: string, options: BackupOptions): Promise<void> {
  const { restore: run } = await import('@peercompute/relay-coordinator')
  const dataDir = dataDirOf(context, options)
  const manifest = await run({
    from: folder,
    dataDir,
    now: Date.now(),
    signal: context.signal,
    onProgress: (share) => {
      showShare(context, 'files', share)
    }
  })
  await tell(context, dataDir, manifest, options, 'Restored')
  if (!options.json)
    context.terminal.talk('Start it with `peercompute serve`. The coordinator that this is a copy of must not run any more.')
}

function dataDirOf({ env }: Context, { data }: BackupOptions): string {
  return resolve(data ?? (env.PEERCOMPUTE_DATA || '.peercompute'))
}

function showShare({ terminal }: Context, what: string, share: number): void {
  terminal.live(`${bar(share, 1)} ${what} ${percent(share, 1)}`)
}

async function tell(
  { terminal }: Context,
  folder: string,
  { files, warnings = [], ...manifest }: Manifest & { readonly warnings?: readonly string[] },
  options: BackupOptions,
  done: string
): Promise<void> {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const { jobs, settledUnits } = manifest
  if (options.json) await terminal.data(json({ folder, files: files.length, bytes, warnings, ...manifest }))
  else
    terminal.talk(
      `${done}: ${count(jobs)} ${jobs === 1 ? 'job' : 'jobs'} with ${count(settledUnits)} settled units, ${count(files.length)} files with ${count(bytes)} bytes, in ${folder}`
    )
}
