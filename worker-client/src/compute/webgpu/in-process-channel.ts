import type { UnitAnswer, UnitChannel } from '../pool/unit-protocol.ts'
import { serveUnits } from '../pool/serve-units.ts'
import type { GpuClock } from './gpu-runner.ts'
import { gpuService } from './gpu-service.ts'
import type { GpuTask } from './gpu-task.ts'

/** The GPU runner in this process, for `check` and tests. A kernel that hangs cannot be stopped here: admitted kernels only. */
export function inProcessChannel(gpu: GPU, clock: GpuClock): UnitChannel<GpuTask> {
  const service = gpuService(gpu, clock)
  let answerTo: ((answer: UnitAnswer) => void) | undefined
  const receive = serveUnits<GpuTask>({
    load: (task) => service.load(task),
    now: clock.now,
    post: (answer) => {
      answerTo?.(answer)
    }
  })
  return {
    listen(onAnswer) {
      answerTo = onAnswer
    },
    post(order) {
      void receive(order)
    },
    close() {
      answerTo = undefined
      service.stop()
    }
  }
}
