/**
 * Runs a kernel's WGSL on Dawn in a child process: a hung kernel cannot be stopped from JavaScript, only its process can be killed.
 * The adapter is SwiftShader out of the chromium package unless VK_DRIVER_FILES names another Vulkan driver.
 */
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LAUNCH_WGSL, type JobSpec } from '@peercompute/job-specs'
import type { TestJob } from './test-job.ts'

const CHROMIUM_FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
  '/opt/chromium'
]
const KILL_AFTER_MS = 60_000

export interface WgslRequest {
  readonly source: string
  readonly spec: JobSpec
  readonly inputs: readonly Uint8Array[]
  readonly units: readonly number[]
  /** Most workgroups of one dispatch along x and y: several dispatches make up a pass, as in the real executor. */
  readonly slice: readonly [number, number]
}

export type WgslAnswer = { readonly values: readonly Uint8Array[]; readonly adapter: string } | { readonly failure: string }

/** Values of the units, in order. Rejects with the compiler's message, or when the child does not answer within a minute. */
export async function runWgsl(
  { spec, bytesOf }: TestJob,
  units: readonly number[],
  slice: readonly [number, number] = [3, 1]
): Promise<readonly Uint8Array[]> {
  const request: WgslRequest = {
    source: LAUNCH_WGSL + Buffer.from(bytesOf(spec.kernel.wgsl?.blob)).toString('utf8'),
    spec,
    inputs: spec.inputs.map(({ blob }) => bytesOf(blob)),
    units,
    slice
  }
  const child = fork(fileURLToPath(new URL('./wgsl-child.ts', import.meta.url)), { env: vulkanEnvironment(), serialization: 'advanced' })
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
  try {
    const answer = await new Promise<WgslAnswer>((resolve, reject) => {
      child.once('message', (message: WgslAnswer) => {
        resolve(message)
      })
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        reject(new Error(`Cannot run WGSL: the child process ended with ${signal ?? `code ${String(code)}`} before it answered`))
      })
      child.send(request)
    })
    if ('failure' in answer) throw new Error(`Cannot run the WGSL of ${spec.name}: ${answer.failure}`)
    return answer.values
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}

function vulkanEnvironment(): NodeJS.ProcessEnv {
  if (process.env['VK_DRIVER_FILES'] !== undefined) return process.env
  const folder = CHROMIUM_FOLDERS.find((candidate) => existsSync(`${candidate}/vk_swiftshader_icd.json`))
  if (folder === undefined)
    throw new Error('Cannot test WGSL: no Chromium with its SwiftShader library is installed. Install it with: apt-get install chromium')
  return { ...process.env, LD_LIBRARY_PATH: folder, VK_DRIVER_FILES: `${folder}/vk_swiftshader_icd.json` }
}
