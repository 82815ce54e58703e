/** Whatever its loops are, a kernel behind the guard ends. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath } from '../harness/browser.ts'
import { startChild, type Child } from '../harness/child.ts'
import { seededRandom, testSeed } from '../harness/seeded-random.ts'
import { randomWgsl } from './parts/random-wgsl.ts'
import type { WgslChild } from './parts/wgsl-child.ts'

const KERNELS = 40
const FUEL = 2_000
const END_MS = 5_000

describe('random WGSL', () => {
  let child: Child<WgslChild>
  const before = { ...process.env }

  beforeAll(async () => {
    const folder = [dirname(chromiumPath()), '/usr/lib/chromium', '/usr/lib/chromium-browser'].find((each) =>
      existsSync(join(each, 'vk_swiftshader_icd.json'))
    )
    if (folder === undefined) throw new Error('The SwiftShader of the package "chromium" is missing')
    Object.assign(process.env, { LD_LIBRARY_PATH: folder, VK_DRIVER_FILES: join(folder, 'vk_swiftshader_icd.json') })
    child = await startChild<WgslChild>(new URL('./parts/wgsl-child.ts', import.meta.url))
  })
  afterAll(async () => {
    process.env = before
    await child.kill()
  })

  it(`ends: ${KERNELS} kernels`, async () => {
    const random = seededRandom(testSeed('random WGSL'))
    const ends = { ran: 0, ranOut: 0, invalid: 0, refused: 0 }
    for (let kernel = 0; kernel < KERNELS; kernel++) {
      const text = randomWgsl(random)
      const end = await child.call('run', { text, fuel: FUEL }).catch((error: unknown) => {
        throw new Error(`Kernel ${kernel} did not end: ${String(error)}\n${text}`)
      })
      ends[end.end]++
      if (end.end === 'ran') {
        expect(end.ms, text).toBeLessThan(END_MS)
        if (end.ranOut) ends.ranOut++
      } else expect(end.message, text).toMatch(/uniform control flow|does not exit|barrier|must only be called|may take|too long/)
    }
    process.stdout.write(`${JSON.stringify(ends)}\n`)
    expect(ends.ran).toBeGreaterThan(KERNELS / 3)
    expect(ends.ranOut).toBeGreaterThan(KERNELS / 10)
  })
})
