/** A child process that answers commands over IPC. It ends with its parent, whatever ends that. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** By name; each takes one argument that can be cloned. */
export type Commands = Record<string, (argument: never) => unknown>

interface Question {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}
type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string })

export interface Child<C extends Commands> {
  readonly pid: number
  /** Resolves when it is gone, with how it ended: code or signal, and the last it wrote to stderr. Never rejects. */
  readonly ended: Promise<Error>
  /** Rejects with `ended` when the process is gone. */
  call<K extends keyof C & string>(name: K, argument: Parameters<C[K]>[0]): Promise<Awaited<ReturnType<C[K]>>>
  /** SIGKILL: for the child it is as if the power had failed. Resolves when it is gone. */
  kill(): Promise<void>
}

const LAST_WORDS = 2_000
/** A process that the child started may hold its stderr open. */
const LAST_WORDS_MS = 1_000

/** `script` calls `answerCommands` with commands of type C. `nodeOptions`: of Node itself, beside those of this process. */
export async function startChild<C extends Commands>(script: URL, nodeOptions: readonly string[] = []): Promise<Child<C>> {
  const child = fork(script, {
    execArgv: [...process.execArgv, ...nodeOptions],
    // As for the program itself: with it, no compiler of types is loaded.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  let lastWords = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    process.stderr.write(text)
    lastWords = (lastWords + text).slice(-LAST_WORDS)
  })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let questions = 0
  let gone = false
  const ended = new Promise<Error>((resolve) => {
    child.once('exit', (code, signal) => {
      gone = true
      const how = signal === null ? `with code ${code}` : `by ${signal}`
      const tell = (): void => {
        const words = lastWords.trim()
        const error = new Error(
          `The process of ${script.pathname} has ended ${how}; ${words === '' ? 'it said nothing' : `it said: ${words}`}`
        )
        for (const { reject } of waiting.values()) reject(error)
        waiting.clear()
        resolve(error)
      }
      setTimeout(tell, LAST_WORDS_MS).unref()
      child.once('close', tell)
    })
  })
  child.on('message', (message) => {
    const answer = message as Answer
    const asked = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) asked?.reject(new Error(answer.error))
    else asked?.resolve(answer.value)
  })
  await once(child, 'spawn')
  return {
    pid: child.pid ?? 0,
    ended,
    call<K extends keyof C & string>(name: K, argument: Parameters<C[K]>[0]) {
      if (gone) return ended.then((error) => Promise.reject(error))
      const id = questions++
      const answer = Promise.withResolvers<unknown>()
      waiting.set(id, answer)
      // The channel closes before the process is gone; without a callback that would be an 'error' event, which ends this process.
      child.send({ id, name, argument } satisfies Question, (error) => {
        if (error !== null) void ended.then(answer.reject)
      })
      return answer.promise as Promise<Awaited<ReturnType<C[K]>>>
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    }
  }
}

/** In the child. */
export function answerCommands(commands: Commands): void {
  process.on('disconnect', () => process.exit())
  // it ends with its parent, which also gets the signals of the terminal
  process.on('SIGINT', () => undefined)
  process.on('message', (message) => {
    const { id, name, argument } = message as Question
    void answer(commands[name], argument).then((outcome) => process.send?.({ id, ...outcome }))
  })
}

async function answer(command: Commands[string] | undefined, argument: unknown): Promise<{ value: unknown } | { error: string }> {
  try {
    if (command === undefined) throw new Error('no such command')
    return { value: await command(argument as never) }
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
