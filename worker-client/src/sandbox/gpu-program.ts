/** Entry of the sandbox's WebGPU runner: our code only, no job script beside it. */
import { serveUnits } from '../compute/pool/serve-units.ts'
import type { UnitOrder } from '../compute/pool/unit-protocol.ts'
import { gpuService } from '../compute/webgpu/gpu-service.ts'
import type { GpuTask } from '../compute/webgpu/gpu-task.ts'

const now = performance.now.bind(performance)
const service = gpuService(navigator.gpu, { now, beforeWait: () => Promise.resolve() })
const receive = serveUnits<GpuTask>({
  load: (task) => service.load(task),
  now,
  post: (answer, transfer) => {
    self.postMessage(answer, { transfer })
  }
})
addEventListener('message', (event: MessageEvent<UnitOrder<GpuTask>>) => {
  void receive(event.data)
})
