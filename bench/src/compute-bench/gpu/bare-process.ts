/** Child process: the hand-written loop on Dawn for Node. One request after the other. Ends by SIGKILL. */
import { create, globals } from 'webgpu'
import { bareLoop, type BareRequest } from './workload.ts'

Object.assign(globalThis, globals)
// Held by the functions below: Dawn for Node crashes when its instance is collected while a device works.
const gpu = create([])
let device: Promise<GPUDevice> | undefined

async function openDevice(): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) throw new Error('there is no WebGPU adapter')
  return adapter.requestDevice()
}

async function answer(request: BareRequest): Promise<void> {
  process.send?.(await bareLoop(await (device ??= openDevice()), request))
}

process.on('message', (request: BareRequest) => {
  void answer(request)
})
process.on('disconnect', () => {
  process.kill(process.pid, 'SIGKILL')
})
process.send?.('ready')
