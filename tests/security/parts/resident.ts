/** What a process costs. */
import { readFileSync } from 'node:fs'

/** Resident bytes of a process (Linux). */
export function residentBytes(pid: number | undefined): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]
  if (kib === undefined) throw new Error(`process ${String(pid)} is not there`)
  return Number(kib) * 1_024
}
