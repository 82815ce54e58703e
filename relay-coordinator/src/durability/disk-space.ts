/** How much room a folder's file system has: the port, and what Node says of it. */
import { statfs } from 'node:fs/promises'

export interface DiskSpace {
  /** Bytes that this user may still write. */
  readonly freeBytes: number
  readonly totalBytes: number
}

export type LookAtDisk = (folder: string) => Promise<DiskSpace>

export const lookAtDisk: LookAtDisk = async (folder) => {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
