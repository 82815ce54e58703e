import { Worker } from 'node:worker_threads'
import { unitAnswerSchema, type UnitAnswer, type UnitChannel } from '../pool/unit-protocol.ts'
import type { CpuTask } from './cpu-task.ts'

/** A thread with more JavaScript heap than this is ended by V8. Buffers are not counted. */
const HEAP_MEGABYTES = 1_024

/** A unit program in a thread of this process. */
export function threadChannel(): UnitChannel<CpuTask> {
  const thread = new Worker(new URL('./node-thread.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES } })
  let open = true
  return {
    listen(onAnswer: (answer: UnitAnswer) => void, onEnd) {
      thread.on('message', (message: unknown) => {
        if (!open) return
        const answer = unitAnswerSchema.safeParse(message)
        if (answer.success) onAnswer(answer.data)
        else onEnd({ end: 'error', message: `The program sent what is no answer: ${answer.error.issues[0]?.message ?? ''}` })
      })
      thread.on('error', (error: Error & { code?: string }) => {
        if (open)
          onEnd(
            error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? { end: 'lost', message: error.message } : { end: 'error', message: error.message }
          )
      })
      thread.on('exit', (code) => {
        if (open) onEnd({ end: 'lost', message: `The thread ended with code ${code}` })
      })
    },
    post(order) {
      thread.postMessage(order)
    },
    close() {
      open = false
      void thread.terminate()
    }
  }
}
