/** Entry of the GPU process: Dawn for Node, and the same runner as in a tab. It ends by SIGKILL, never by releasing the device. */
import { serveUnits } from '../../pool/serve-units.ts'
import type { UnitOrder } from '../../pool/unit-protocol.ts'
import { adapterFacts } from '../adapter-facts.ts'
import { gpuService } from '../gpu-service.ts'
import type { GpuTask } from '../gpu-task.ts'
import { nodeGpuClock } from '../node-gpu-clock.ts'
import type { GpuGreeting } from './gpu-process.ts'

function tell(message: unknown): void {
  if (process.connected) process.send?.(message)
}

/** Held by the module: Dawn for Node crashes when its instance is collected while a device works. */
const dawn = await import('webgpu').catch(() => undefined)
if (dawn !== undefined) Object.assign(globalThis, dawn.globals)
const gpu = dawn?.create([])

async function greeting(): Promise<GpuGreeting> {
  if (gpu === undefined) return { type: 'adapter', facts: null, why: 'the npm package "webgpu" does not work here' }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) return { type: 'adapter', facts: null, why: 'there is no WebGPU adapter' }
  return { type: 'adapter', facts: adapterFacts(adapter), why: '' }
}

const service = gpuService(gpu, nodeGpuClock)
const receive = serveUnits<GpuTask>({ load: (task) => service.load(task), now: nodeGpuClock.now, post: tell })
process.on('message', (order: UnitOrder<GpuTask>) => {
  void receive(order)
})
process.on('disconnect', () => {
  process.kill(process.pid, 'SIGKILL')
})
tell(await greeting().catch((error: unknown): GpuGreeting => ({ type: 'adapter', facts: null, why: String(error).slice(0, 500) })))
