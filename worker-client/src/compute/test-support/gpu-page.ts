/** The page of tests/e2e/gpu.test.ts and of the GPU's benchmarks: the WebGPU executor of a tab, in its sandbox. */
import { SandboxFrame } from '../../sandbox/sandbox-frame.ts'
import { FULL_LENDING, type Lending, type UnitOutcome } from '../compute-worker.ts'
import { createWebGPUWorker } from '../webgpu/create-webgpu-worker.ts'
import type { WebGPUComputeWorker } from '../webgpu/webgpu-compute-worker.ts'
import { preparedJob, type TestJob } from './prepared-job.ts'

export type GpuPageJob = Omit<TestJob, 'wasm' | 'inputs'>

/** When things were heard, in milliseconds of the page's clock. */
export interface Heard {
  readonly units: readonly {
    readonly unit: number
    readonly at: number
    readonly computeMs: number
    readonly words: readonly number[] | string
  }[]
  readonly progress: readonly { readonly unit: number; readonly at: number; readonly fraction: number }[]
  readonly unavailable: string | null
}

const frame = new SandboxFrame({ url: new URL('/sandbox.html', location.href).href, document })
let made: Promise<WebGPUComputeWorker | null> | undefined
let heard: { units: Heard['units'][number][]; progress: Heard['progress'][number][] } = { units: [], progress: [] }

async function worker(): Promise<WebGPUComputeWorker> {
  made ??= createWebGPUWorker({ gpu: navigator.gpu, open: () => frame.channel('gpu', '') })
  const one = await made
  if (one === null) throw new Error('No WebGPU adapter')
  return one
}

function wordsOf(outcome: UnitOutcome): readonly number[] | string {
  return outcome.ok ? [...new Uint32Array(outcome.value.slice().buffer)] : `${outcome.reason}: ${outcome.message}`
}

/** What was heard of the run that began last. */
async function report(): Promise<Heard> {
  return { ...heard, unavailable: (await worker()).unavailable }
}

async function run(job: GpuPageJob, start: number, count: number): Promise<Heard> {
  const now: typeof heard = { units: [], progress: [] }
  heard = now
  await (
    await worker()
  ).run(
    { job: preparedJob(job), start, count },
    {
      outcome: (outcome) =>
        now.units.push({ unit: outcome.unit, at: performance.now(), computeMs: outcome.computeMs, words: wordsOf(outcome) }),
      progress: (unit, fraction) => now.progress.push({ unit, at: performance.now(), fraction })
    },
    new AbortController().signal
  )
  return report()
}

const gpuPage = {
  run,
  report,
  /** Returns when it was ordered. */
  lend: async (lending: Partial<Lending>): Promise<number> => {
    ;(await worker()).lend({ ...FULL_LENDING, ...lending })
    return performance.now()
  },
  executor: async () => (await worker()).executor
}
export type GpuPage = typeof gpuPage
Object.assign(globalThis, { gpuPage })
