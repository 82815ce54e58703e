/** A coordinator to which hours pass in a moment. */
import { fileURLToPath } from 'node:url'
import { startNode } from '../process.ts'
import { startServer, type TestServer } from '../server.ts'

const CHILD = fileURLToPath(new URL('./clocked-child.ts', import.meta.url))

/** Its clock jumps; resolves when it has. Everything that was due meanwhile happens at once. */
export type Jump = (ms: number) => Promise<void>

export async function startClockedServer(): Promise<{ readonly server: TestServer; readonly jump: Jump }> {
  const server = await startServer({ launch: (port, dataDir) => startNode(CHILD, [String(port), dataDir], {}, { stdin: true }) })
  let jumps = 0
  return {
    server,
    jump: async (ms) => {
      server.process.child.stdin?.write(`${ms}\n`)
      jumps += 1
      await server.process.line(new RegExp(`(jumped \\d+\\s+){${jumps}}`))
    }
  }
}
