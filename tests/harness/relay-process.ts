/** A real relay in a process of its own, on a port and with a key that outlive its death. */
import { fileURLToPath } from 'node:url'
import { generatePeerKey, peerIdOfKey } from '@peercompute/p2p'
import { lastingPort } from './lasting-port.ts'
import { startNode, type RunningProcess } from './process.ts'

const CHILD = fileURLToPath(new URL('./relay-child.ts', import.meta.url))

export interface RelayOptions {
  /** Port that clients are told instead of the own one: that of a proxy in front. */
  readonly behind?: (port: number) => Promise<number>
  /** Topics to forward besides the platform's. */
  readonly topics?: readonly string[]
  /** Whether it holds the ledger, as a coordinator does. True by default. */
  readonly replica?: boolean
}

export interface TestRelay {
  readonly peer: string
  /** What clients dial: the proxy's address when there is one. */
  readonly address: string
  /** Its own port, past any proxy. */
  readonly port: number
  readonly process: RunningProcess
  /** SIGKILL. */
  kill(): Promise<void>
  /** A new process on the same port, with the same key. */
  restart(): Promise<void>
}

export async function startRelay({ behind, topics = [], replica = true }: RelayOptions = {}): Promise<TestRelay> {
  const key = await generatePeerKey()
  const peer = peerIdOfKey(key)
  const port = await lastingPort()
  const shown = `/ip4/127.0.0.1/tcp/${(await behind?.(port)) ?? port}/ws`
  const options = JSON.stringify({ peerKey: Buffer.from(key).toString('base64'), port, announce: [shown], topics, replica })
  const launch = async (): Promise<RunningProcess> => {
    const running = startNode(CHILD, [options], {}, { stdin: true })
    await running.line(/"relay"/)
    return running
  }
  let running = await launch()
  return {
    peer,
    address: `${shown}/p2p/${peer}`,
    port,
    get process() {
      return running
    },
    kill: async () => {
      await running.end('SIGKILL')
    },
    restart: async () => {
      await running.end('SIGKILL')
      running = await launch()
    }
  }
}
