/**
 * A disk that fills up must cost nobody a result. While there is little room no work is given out and nothing else is taken in, so
 * that only results of leases that run already are written; when even those find no room, a reserve is spent on them. As soon as
 * there is room again, the reserve is made anew and work is given out, without anybody's help.
 */
import { join } from 'node:path'
import type { Clock } from '@peercompute/p2p/time'
import { errorCode } from '../config/error-code.ts'
import { lookAtDisk, type DiskSpace, type LookAtDisk } from './disk-space.ts'
import { reserveFile } from './reserve-file.ts'

/** Free space below which no work is given out; on disks of less than 4 GB, 5 % of them. */
export const MIN_FREE_BYTES = 200_000_000
export const MIN_FREE_SHARE = 0.05
export const RESERVE_BYTES = 16_777_216
export const LOOK_MS = 5_000
/** Work begins again only when there is so much more than the minimum, or it would stop again at once. */
const RESUME_FACTOR = 1.25

export interface DiskGuardInit {
  readonly folder: string
  readonly clock: Clock
  /** Bytes. By default see MIN_FREE_BYTES. */
  readonly minFree?: number | undefined
  readonly reserveBytes?: number
  readonly look?: LookAtDisk
  /** Told when it begins, with a sentence, and when it is over, with null. */
  readonly onAlarm: (alarm: string | null) => void
  readonly onFault: (error: unknown) => void
}

export interface DiskGuard {
  /** False: there is too little room to give out work. */
  readonly roomy: boolean
  /** What is wrong, in a sentence; null when nothing is. */
  readonly alarm: string | null
  /** At the last look. NaN before the first, and when the disk cannot be asked. */
  readonly freeBytes: number
  /** A write has found no room. True: the reserve was freed for it. */
  makeRoom(): boolean
  /** Looks now. Never rejects. */
  check(): Promise<void>
  /** Looks now and from time to time until it is closed. */
  start(): Promise<void>
  /** Idempotent. The reserve stays. */
  close(): void
}

export function createDiskGuard(init: DiskGuardInit): DiskGuard {
  const { folder, clock, look = lookAtDisk, onAlarm, onFault } = init
  const reserveBytes = init.reserveBytes ?? Math.min(RESERVE_BYTES, init.minFree ?? RESERVE_BYTES)
  const reserve = reserveFile(join(folder, 'reserve.bin'), reserveBytes)
  let alarm: string | null = null
  let freeBytes = NaN
  let cancel: () => void = () => undefined
  let closed = false
  const isClosed = (): boolean => closed
  let checking: Promise<void> = Promise.resolve()

  function setAlarm(next: string | null): void {
    const changed = (next === null) !== (alarm === null)
    alarm = next
    if (changed) onAlarm(next)
  }

  function minimum({ totalBytes }: DiskSpace): number {
    return init.minFree ?? Math.min(MIN_FREE_BYTES, totalBytes * MIN_FREE_SHARE)
  }

  async function lookOnce(): Promise<void> {
    if (closed) return
    try {
      const space = await look(folder)
      freeBytes = space.freeBytes
      const wanted = minimum(space)
      if (freeBytes < wanted) setAlarm(sentence(folder, freeBytes, wanted))
      const enough = wanted * (alarm === null ? 1 : RESUME_FACTOR) + (reserve.held ? 0 : reserveBytes)
      if (isClosed() || freeBytes < enough) return
      if (!reserve.held) await reserve.take()
      setAlarm(null)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'ENOSPC' || code === 'EDQUOT') setAlarm(sentence(folder, 0, reserveBytes))
      else onFault(error)
    }
  }

  function check(): Promise<void> {
    checking = checking.then(lookOnce)
    return checking
  }

  async function lookAgain(): Promise<void> {
    await check()
    if (!closed) cancel = clock.schedule(LOOK_MS, () => void lookAgain())
  }

  return {
    get roomy() {
      return alarm === null
    },
    get alarm() {
      return alarm
    },
    get freeBytes() {
      return freeBytes
    },
    makeRoom() {
      setAlarm(`A write to ${folder} found no room; no work is given out until there is some again.`)
      return reserve.spend()
    },
    check,
    start: lookAgain,
    close() {
      closed = true
      cancel()
    }
  }
}

function sentence(folder: string, free: number, wanted: number): string {
  return `The disk of ${folder} has ${megabytes(free)} MB left, and ${megabytes(wanted)} MB are kept free: results are taken, no work is given out.`
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)
}
