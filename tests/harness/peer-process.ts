/** Peers in a process of their own, which can be killed and stopped as a machine can. */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { startNode, type RunningProcess } from './process.ts'
import type { PeerAnswer, RemotePeer } from './peer/test-peer.ts'

const CHILD = fileURLToPath(new URL('./peer/child.ts', import.meta.url))

const answerSchema = z.object({ id: z.int(), result: z.unknown().optional(), error: z.string().optional() })

export interface PeerProcess {
  readonly process: RunningProcess
  /** A further peer of this process. */
  peer(): RemotePeer
  /** Ends the process; it says no goodbye to anybody. */
  kill(): Promise<void>
}

export async function startPeerProcess(): Promise<PeerProcess> {
  const running = startNode(CHILD, [], {}, { stdin: true })
  const { stdin, stdout } = running.child
  if (stdin === null || stdout === null) throw new Error('The process has no streams')
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  createInterface({ input: stdout }).on('line', (line) => {
    if (!line.startsWith('{"id"')) return
    const { id, result, error } = answerSchema.parse(JSON.parse(line))
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else asked?.reject(new Error(error))
  })
  void running.ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`The process of the peer has ended: ${running.stderr()}`))
    waiting.clear()
  })
  await running.line(/"ready"/)

  let asked = 0
  let peers = 0
  const ask = (peer: number, command: string, args: readonly unknown[]): Promise<unknown> => {
    const id = (asked += 1)
    const { promise, resolve, reject }: PromiseWithResolvers<unknown> = Promise.withResolvers()
    waiting.set(id, { resolve, reject })
    stdin.write(`${JSON.stringify({ id, peer, command, args })}\n`)
    return promise
  }
  return {
    process: running,
    peer: () => {
      const index = (peers += 1)
      return { call: async (command, ...args) => (await ask(index, command, args)) as PeerAnswer<typeof command> }
    },
    kill: async () => {
      await running.end('SIGKILL')
    }
  }
}
