/**
 * Entry of a thread that runs CPU kernels in Node. A thread is no sandbox (it has the file system), so only admitted kernels
 * come here; names that the browser's prelude removes are hidden, so that a kernel behaves alike in both.
 */
import { compileFunction } from 'node:vm'
import { parentPort } from 'node:worker_threads'
import { HIDDEN_GLOBALS } from '../../sandbox/prelude.ts'
import { serveUnits } from '../pool/serve-units.ts'
import type { UnitOrder } from '../pool/unit-protocol.ts'
import type { CpuTask } from './cpu-task.ts'
import { loadProgram } from './load-program.ts'
import { seededRandom } from './random.ts'

const NODE_GLOBALS = ['process', 'Buffer', 'global', 'require', 'module', 'exports', 'setImmediate', 'clearImmediate']

const random = seededRandom()
Math.random = random.next
const { signal } = new AbortController()

function compile(script: string): unknown {
  try {
    const start = compileFunction(`return (() => {${script}\n})()`, [...HIDDEN_GLOBALS, ...NODE_GLOBALS], {
      filename: 'kernel.js'
    }) as () => unknown
    return start()
  } catch (error) {
    const line = error instanceof SyntaxError ? /^kernel\.js:(\d+)/.exec(error.stack ?? '')?.[1] : undefined
    throw line === undefined ? error : new SyntaxError(`line ${line}: ${error instanceof Error ? error.message : ''}`)
  }
}

if (parentPort !== null) {
  const port = parentPort
  const receive = serveUnits<CpuTask>({
    load: (task) => loadProgram(task, { kernel: compile, random, signal }),
    now: () => performance.now(),
    post: (answer, transfer) => {
      port.postMessage(answer, transfer)
    }
  })
  port.on('message', (order: UnitOrder<CpuTask>) => {
    void receive(order)
  })
}
