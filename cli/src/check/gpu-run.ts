/**
 * Some units through WebGPU, in a process of its own: Dawn for Node may crash at its end, and a kernel that hangs can only be
 * killed. The npm package `webgpu` is a development dependency; without it there is no WebGPU outside of browsers.
 */
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedJob } from '../job/load-job.ts'
import type { UnitRuns } from './run-units.ts'

export interface GpuRequest {
  readonly job: LoadedJob
  readonly units: readonly number[]
}

export type GpuAnswer = { readonly kind: 'ran'; readonly runs: UnitRuns } | { readonly kind: 'unavailable'; readonly why: string }

/** Compiling a large shader on the processor takes long. */
const LOAD_MS = 150_000

/** Chromium brings a Vulkan that works on any processor. */
const CHROMIUM_FOLDERS = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome', '/opt/chromium']

function vulkanEnvironment(env: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const folder = CHROMIUM_FOLDERS.find((candidate) => existsSync(join(candidate, 'vk_swiftshader_icd.json')))
  if (env.VK_DRIVER_FILES !== undefined || folder === undefined) return { ...env }
  const libraries = [env.LD_LIBRARY_PATH, folder].filter((part) => part !== undefined).join(':')
  return { ...env, LD_LIBRARY_PATH: libraries, VK_ADD_DRIVER_FILES: join(folder, 'vk_swiftshader_icd.json') }
}

export async function runUnitsOnGpu(
  job: LoadedJob,
  units: readonly number[],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal
): Promise<GpuAnswer> {
  const child = fork(join(import.meta.dirname, 'gpu-child.ts'), {
    env: vulkanEnvironment(env),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(LOAD_MS + units.length * job.spec.limits.unitSeconds * 1_000)]),
    killSignal: 'SIGKILL'
  })
  try {
    return await new Promise<GpuAnswer>((resolve) => {
      child.once('message', (answer: GpuAnswer) => resolve(answer))
      child.once('error', (error) => resolve({ kind: 'unavailable', why: `WebGPU was stopped: ${error.message}` }))
      child.once('exit', (code, killedBy) =>
        resolve({ kind: 'unavailable', why: `the WebGPU process ended with ${killedBy ?? `code ${code ?? 0}`}` })
      )
      child.send({ job, units } satisfies GpuRequest)
    })
  } finally {
    child.kill('SIGKILL')
  }
}
