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
  call<K extends keyof C & string>(name: K, argument: Parameters<C[K]>[0]): Promise<Awaited<ReturnType<C[K]>>>
  /** SIGKILL: for the child it is as if the power had failed. Resolves when it is gone. */
  kill(): Promise<void>
}

/** `script` calls `answerCommands` with commands of type C. `nodeOptions`: of Node itself, beside those of this process. */
export async function startChild<C extends Commands>(script: URL, nodeOptions: readonly string[] = []): Promise<Child<C>> {
  const child = fork(script, {
    execArgv: [...process.execArgv, ...nodeOptions],
    // As for the program itself: with it, no compiler of types is loaded.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let over = false
  let questions = 0
  const exited = once(child, 'exit').then(() => {
    over = true
    for (const { reject } of waiting.values()) reject(new Error(`The process of ${script.pathname} has ended`))
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
    call<K extends keyof C & string>(name: K, argument: Parameters<C[K]>[0]) {
      if (over) return Promise.reject(new Error(`The process of ${script.pathname} has ended`))
      const id = questions++
      const answer = Promise.withResolvers<unknown>()
      waiting.set(id, answer)
      child.send({ id, name, argument } satisfies Question)
      return answer.promise as Promise<Awaited<ReturnType<C[K]>>>
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
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
