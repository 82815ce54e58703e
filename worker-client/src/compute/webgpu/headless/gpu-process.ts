/** The GPU runner in a process of its own: what hangs there is killed, and what crashes there takes nothing along. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { z } from 'zod'
import { unitAnswerSchema, type ChannelEnd, type UnitAnswer, type UnitChannel } from '../../pool/unit-protocol.ts'
import { adapterFactsSchema, type AdapterFacts } from '../adapter-facts.ts'
import type { GpuTask } from '../gpu-task.ts'

/** First word of the process: its adapter, or why there is none. */
const greetingSchema = z.strictObject({ type: z.literal('adapter'), facts: adapterFactsSchema.nullable(), why: z.string().max(500) })
export type GpuGreeting = z.infer<typeof greetingSchema>

/** Opening a driver on a busy machine takes a second at most. */
const GREETING_MS = 30_000

export interface GpuProcess {
  readonly channel: UnitChannel<GpuTask>
  /** Null when there is no package, no driver or no adapter; `why` says which. Never rejects. */
  readonly greeting: Promise<{ readonly facts: AdapterFacts | null; readonly why: string }>
}

/** Bytes come in views of larger buffers; the protocol wants values that own theirs. */
function owned(message: unknown): unknown {
  if (message === null || typeof message !== 'object') return message
  return Object.fromEntries(
    Object.entries(message).map(([key, value]) => [key, value instanceof Uint8Array ? new Uint8Array(value) : value])
  )
}

export function startGpuProcess(env: NodeJS.ProcessEnv): GpuProcess {
  const child = fork(join(import.meta.dirname, 'gpu-process-main.ts'), {
    env,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc']
  })
  let open = true
  let listener: { onAnswer: (answer: UnitAnswer) => void; onEnd: (end: ChannelEnd) => void } | undefined
  const { promise: greeting, resolve: greet } = Promise.withResolvers<Awaited<GpuProcess['greeting']>>()
  const late = setTimeout(() => {
    end({ end: 'lost', message: `The GPU process said nothing within ${GREETING_MS / 1_000} s` })
  }, GREETING_MS)

  function end(how: ChannelEnd): void {
    if (!open) return
    close()
    greet({ facts: null, why: how.message })
    listener?.onEnd(how)
  }
  function close(): void {
    open = false
    clearTimeout(late)
    // Dawn may block for ever when it is asked to end, and it may crash.
    child.kill('SIGKILL')
  }

  child.on('message', (message: unknown) => {
    if (!open) return
    const first = greetingSchema.safeParse(message)
    const answer = first.success ? undefined : unitAnswerSchema.safeParse(owned(message))
    if (first.success) {
      clearTimeout(late)
      greet(first.data)
    } else if (answer?.success === true) listener?.onAnswer(answer.data)
    else end({ end: 'error', message: 'The GPU process sent what is no answer' })
  })
  child.on('error', (error) => {
    end({ end: 'lost', message: error.message })
  })
  child.on('exit', (code, signal) => {
    end({ end: 'lost', message: `The GPU process ended with ${signal ?? `code ${code ?? 0}`}` })
  })

  return {
    greeting,
    channel: {
      listen(onAnswer, onEnd) {
        listener = { onAnswer, onEnd }
        if (!open) onEnd({ end: 'lost', message: 'The GPU process has ended' })
      },
      post(order) {
        if (open && child.connected) child.send(order)
      },
      close() {
        greet({ facts: null, why: 'stopped' })
        close()
      }
    }
  }
}
