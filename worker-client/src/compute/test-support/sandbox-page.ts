/** The page of tests/e2e/sandbox.test.ts: gives the test the real browser executors, and counts its own heartbeats. */
import { createBrowserVolunteer } from '../../entry.browser.ts'
import { SandboxFrame } from '../../sandbox/sandbox-frame.ts'
import { sandboxCpuWorker } from '../cpu/sandbox-cpu-worker.ts'
import type { ComputeWorker, UnitOutcome } from '../compute-worker.ts'
import { createWebGPUWorker } from '../webgpu/create-webgpu-worker.ts'
import { wasmKernel } from './wasm-kernel.ts'
import { preparedJob, type TestJob } from './prepared-job.ts'

const url = new URL('/sandbox.html', location.href).href
const frames = { cpu: new SandboxFrame({ url, document }), gpu: new SandboxFrame({ url, document }) }
const workers = new Map<string, ComputeWorker>()

async function workerOf(kind: 'js' | 'wasm' | 'webgpu'): Promise<ComputeWorker> {
  const known = workers.get(kind)
  if (known !== undefined) return known
  const made =
    kind === 'webgpu'
      ? await createWebGPUWorker({ gpu: navigator.gpu, open: () => frames.gpu.channel('gpu', '') })
      : await sandboxCpuWorker({ kind, frame: frames.cpu, slots: 2 })
  if (made === null) throw new Error('No WebGPU adapter')
  workers.set(kind, made)
  return made
}

export type PageOutcome =
  { readonly unit: number; readonly value: number[] } | { readonly unit: number; readonly reason: string; readonly message: string }

/** A job as JSON: the driver of the browser sends no byte arrays. `wasm` is the module in base64, or stands for the test kernel. */
export type PageJob = Omit<TestJob, 'wasm' | 'inputs'> & { readonly wasm?: true | string }

function moduleOf(wasm: true | string): Uint8Array {
  return wasm === true ? wasmKernel() : Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0))
}

/** Outcomes by unit; values as u32 words. */
async function run(kind: 'js' | 'wasm' | 'webgpu', { wasm, ...job }: PageJob, start: number, count: number): Promise<PageOutcome[]> {
  const worker = await workerOf(kind)
  const outcomes: UnitOutcome[] = []
  await worker.run(
    { job: preparedJob(wasm === undefined ? job : { ...job, wasm: moduleOf(wasm) }), start, count },
    {
      outcome: (outcome) => {
        outcomes.push(outcome)
      }
    },
    new AbortController().signal
  )
  return outcomes
    .sort((a, b) => a.unit - b.unit)
    .map((outcome) =>
      outcome.ok
        ? { unit: outcome.unit, value: [...new Uint32Array(outcome.value.slice().buffer)] }
        : { unit: outcome.unit, reason: outcome.reason, message: outcome.message }
    )
}

let beats = 0
setInterval(() => {
  beats++
}, 50)

/** Tries an executor on another sandbox document; returns the error's code and words. */
async function probeAt(path: string): Promise<string> {
  const frame = new SandboxFrame({ url: new URL(path, location.href).href, document })
  try {
    await sandboxCpuWorker({ kind: 'js', frame, slots: 1 })
    return 'works'
  } catch (error) {
    return String(error)
  } finally {
    frame.close()
  }
}

/** The page's iframes while a volunteer runs, and when it has stopped. It finds no coordinator. */
async function framesOfVolunteer(): Promise<{ readonly running: number; readonly stopped: number }> {
  const kernel = await createBrowserVolunteer({ sandboxUrl: url, cpuSlots: 2, peers: false })
  kernel.start()
  const running = document.querySelectorAll('iframe').length
  await kernel.stop()
  return { running, stopped: document.querySelectorAll('iframe').length }
}

const sandbox = {
  run,
  probeAt,
  framesOfVolunteer,
  executor: async (kind: 'js' | 'wasm' | 'webgpu') => (await workerOf(kind)).executor,
  /** The page's heartbeats so far, one in 50 ms. */
  beats: () => beats,
  /** Share of the page's 50 ms heartbeats that came during `ms`. */
  heartbeats: async (ms: number) => {
    const before = beats
    await new Promise((resolve) => {
      setTimeout(resolve, ms)
    })
    return ((beats - before) * 50) / ms
  }
}
export type SandboxPage = typeof sandbox
Object.assign(globalThis, { sandbox })
