/** Entry of the sandbox's worker for job JavaScript and WASM. The job's own script follows this one in the same source. */
import { serveUnits } from '../compute/pool/serve-units.ts'
import type { UnitOrder } from '../compute/pool/unit-protocol.ts'
import type { CpuTask } from '../compute/cpu/cpu-task.ts'
import { loadProgram } from '../compute/cpu/load-program.ts'
import { seededRandom } from '../compute/cpu/random.ts'
import { closeGlobals } from './prelude.ts'

// Taken before the prelude removes them; the job cannot reach into this scope.
const now = performance.now.bind(performance)
const post = self.postMessage.bind(self)
const random = seededRandom()
const { signal } = new AbortController()

/** What the job's script left behind. */
function jobKernel(): unknown {
  const thrown: unknown = Reflect.get(globalThis, 'peercomputeThrown')
  if (thrown !== null && typeof thrown === 'object') throw Reflect.get(thrown, 'error')
  return Reflect.get(globalThis, 'peercomputeKernel')
}

const receive = serveUnits<CpuTask>({
  load: (task) => loadProgram(task, { kernel: jobKernel, random, signal }),
  now,
  post: (answer, transfer) => {
    post(answer, { transfer })
  }
})
addEventListener('message', (event: MessageEvent<UnitOrder<CpuTask>>) => {
  void receive(event.data)
})
closeGlobals(random.next)
