import type { UnitAnswer, UnitChannel } from '../pool/unit-protocol.ts'
import { serveUnits } from '../pool/serve-units.ts'
import { gpuService } from './gpu-service.ts'
import type { GpuTask } from './gpu-task.ts'
import type { GpuClock } from './submission-queue.ts'

/** The GPU runner in this process, for tests: what hangs here cannot be stopped. */
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
