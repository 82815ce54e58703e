/** Entry of the sandbox's worker for job JavaScript and WASM. The job's own script follows this one in the same source. */
import { serveUnits, type UnitProgram } from '../compute/pool/serve-units.ts'
import type { Refusal, UnitOrder } from '../compute/pool/unit-protocol.ts'
import type { CpuTask } from '../compute/cpu/cpu-task.ts'
import { jsProgram } from '../compute/cpu/js-program.ts'
import { seededRandom } from '../compute/cpu/random.ts'
import { wasmProgram } from '../compute/cpu/wasm-program.ts'
import { closeGlobals } from './prelude.ts'

// Taken before the prelude removes them; the job cannot reach into this scope.
const now = performance.now.bind(performance)
const post = self.postMessage.bind(self)
const random = seededRandom()
const { signal } = new AbortController()

async function load(task: CpuTask): Promise<UnitProgram | Refusal> {
  const { program } = task
  return program.kind === 'wasm'
    ? await wasmProgram(program.module, task)
    : jsProgram(Reflect.get(globalThis, 'peercomputeKernel'), task, random, signal)
}

const receive = serveUnits<CpuTask>({
  load,
  now,
  post: (answer, transfer) => {
    post(answer, { transfer })
  }
})
addEventListener('message', (event: MessageEvent<UnitOrder<CpuTask>>) => {
  void receive(event.data)
})
closeGlobals(random.next)
