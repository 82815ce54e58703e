import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFakeClock, until } from '@peercompute/p2p/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { createDiskGuard, LOOK_MS, type DiskGuard } from './disk-guard.ts'
import type { DiskSpace } from './disk-space.ts'

let temporary: Awaited<ReturnType<typeof temporaryFolder>>
let alarms: (string | null)[]
let faults: unknown[]
const clock = createFakeClock()
let space: DiskSpace | Error
let guard: DiskGuard | null = null
beforeEach(async () => {
  temporary = await temporaryFolder()
  alarms = []
  faults = []
  space = { freeBytes: 1e9, totalBytes: 1e11 }
})
afterEach(async () => {
  guard?.close()
  await temporary[Symbol.asyncDispose]()
})

const free = (freeBytes: number) => {
  space = { freeBytes, totalBytes: 1e11 }
}
async function start(minFree?: number): Promise<DiskGuard> {
  guard = createDiskGuard({
    folder: temporary.path,
    clock,
    ...(minFree === undefined ? {} : { minFree }),
    reserveBytes: 100_000,
    look: () => (space instanceof Error ? Promise.reject(space) : Promise.resolve(space)),
    onAlarm: (alarm) => alarms.push(alarm),
    onFault: (error) => faults.push(error)
  })
  await guard.start()
  return guard
}
const reserved = () => statSync(join(temporary.path, 'reserve.bin'), { throwIfNoEntry: false })?.size ?? 0

it('keeps a reserve, gives it up when a write finds no room, and makes it anew when there is some again', async () => {
  const disk = await start()
  expect([reserved(), disk.roomy, disk.alarm, disk.freeBytes]).toEqual([100_000, true, null, 1e9])
  free(0)
  expect(disk.makeRoom()).toBe(true)
  expect([reserved(), disk.roomy]).toEqual([0, false])
  expect(disk.makeRoom()).toBe(false)
  clock.advance(LOOK_MS)
  await until(() => disk.freeBytes === 0, 'a look')
  expect(reserved()).toBe(0)
  free(1e9)
  clock.advance(LOOK_MS)
  await until(() => disk.roomy, 'room')
  expect(reserved()).toBe(100_000)
  expect(alarms).toEqual([expect.stringMatching(/no room/), null])
})

it('stops the work below the minimum and begins it again only well above', async () => {
  const disk = await start(1_000_000)
  free(999_999)
  await disk.check()
  expect(disk.alarm).toMatch(/has 1\.0 MB left, and 1\.0 MB are kept free/)
  free(1_200_000)
  await disk.check()
  expect(disk.roomy).toBe(false)
  free(1_250_000)
  await disk.check()
  expect(disk.roomy).toBe(true)
  expect(alarms).toHaveLength(2)
})

it('by default wants 200 MB, and of a small disk 5 %', async () => {
  const disk = await start()
  free(199_999_999)
  await disk.check()
  expect(disk.roomy).toBe(false)
  space = { freeBytes: 6_400_000, totalBytes: 100_000_000 }
  await disk.check()
  expect(disk.roomy).toBe(true)
  space = { freeBytes: 4_900_000, totalBytes: 100_000_000 }
  await disk.check()
  expect(disk.roomy).toBe(false)
})

it('takes a reserve of an earlier start as its own', async () => {
  writeFileSync(join(temporary.path, 'reserve.bin'), Buffer.alloc(100_000, 7))
  free(0)
  const disk = await start()
  expect(disk.makeRoom()).toBe(true)
  expect(reserved()).toBe(0)
})

it('stops nothing when the disk cannot be asked, and says so', async () => {
  space = new Error('no such call')
  const disk = await start()
  expect([disk.roomy, faults]).toEqual([true, [space]])
})
