/** The page that benches measure in: the tab's executor, and the hand-written loop beside it. */
import '@peercompute/worker-client/testing/gpu-page'
import { bareLoop, type BareRequest } from './workload.ts'

let device: Promise<GPUDevice> | undefined

async function openDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) throw new Error('there is no WebGPU adapter')
  return adapter.requestDevice()
}

async function frames(ms: number): Promise<readonly number[]> {
  const gaps: number[] = []
  const until = performance.now() + ms
  for (let before = await frame(); before < until;) {
    const now = await frame()
    gaps.push(now - before)
    before = now
  }
  return gaps
}

function frame(): Promise<number> {
  return new Promise((resolve) => {
    requestAnimationFrame(resolve)
  })
}

const barePage = {
  frames,
  loop: async (request: BareRequest): Promise<number> => bareLoop(await (device ??= openDevice()), request)
}
export type BarePage = typeof barePage
Object.assign(globalThis, { barePage })
