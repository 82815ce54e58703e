import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PeerComputeError } from '@peercompute/job-specs'

/**
 * One program for a folder: two with the same host key would end each other's sessions and write one feed twice.
 * Rejects with DATA_FOLDER_LOCKED. The lock of a program that was killed is taken over. Returns the function that gives it back.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'volunteer.lock')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (let tries = 0; ; tries++) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(String(process.pid))
      await file.close()
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new PeerComputeError('DATA_FOLDER_UNWRITABLE', `Cannot write ${path}`, { cause: error })
      const owner = Number(await readFile(path, 'utf8').catch(() => ''))
      if (isRunning(owner) || tries > 2) throw new PeerComputeError('DATA_FOLDER_LOCKED', `Process ${owner} computes with ${folder}`)
      await rm(path, { force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
