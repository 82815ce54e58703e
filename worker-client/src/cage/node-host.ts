/**
 * Entry of the cage's trusted script in Node inside bubblewrap. Each program runs in a thread as a script of `node:vm`, which
 * cannot import modules; the browser's names for messages are made first, and the prelude then removes the rest.
 */
import { cageHost } from './cage-host.ts'

declare const CPU_PROGRAM: string
declare const require: (name: 'node:worker_threads') => typeof import('node:worker_threads')

const THREAD = `'use strict'
const { parentPort, workerData } = require('node:worker_threads')
const { runInThisContext } = require('node:vm')
globalThis.self = globalThis
globalThis.postMessage = (message, options) => { parentPort.postMessage(message, options?.transfer) }
globalThis.addEventListener = (_, listener) => { parentPort.on('message', (data) => listener({ data })) }
runInThisContext(workerData, { filename: 'kernel.js' })`

const { Worker: Thread } = require('node:worker_threads')

const receive = cageHost({
  program: CPU_PROGRAM,
  // the highest so far: inside, there is no /proc that tells the present one
  memoryBytes: () => process.resourceUsage().maxRSS * 1_024,
  write: (bytes) =>
    new Promise((resolve, reject) => {
      process.stdout.write(bytes, (error) => {
        if (error) reject(error)
        else resolve()
      })
    }),
  start(source, onData, onError) {
    const thread = new Thread(THREAD, { eval: true, workerData: source, stdout: true, stderr: true, env: {} })
    thread.on('message', onData)
    thread.on('error', (error: Error & { code?: string }) => {
      // as in Deno, where a full heap ends the process
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') process.exit(71)
      onError(error.message, Number(/^kernel\.js:(\d+)/.exec(error.stack ?? '')?.[1] ?? 0))
    })
    return {
      post: (order) => {
        thread.postMessage(order)
      },
      terminate: () => {
        void thread.terminate()
      }
    }
  }
})

process.stdin.on('data', (piece: Uint8Array) => {
  try {
    receive(piece)
  } catch {
    process.exit(70)
  }
})
process.stdin.on('end', () => process.exit(0))
