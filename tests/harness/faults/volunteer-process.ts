/** A process full of light volunteers, and the history that it leaves behind when it dies. */
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import { startNode, type RunningProcess } from '../process.ts'
import type { volunteersSchema } from './volunteers-child.ts'

const CHILD = fileURLToPath(new URL('./volunteers-child.ts', import.meta.url))

export interface VolunteerProcess {
  readonly process: RunningProcess
  readonly history: string
  /** It asks for no more work; resolves when everything is delivered. */
  drain(): Promise<void>
}

/** Resolves when all of them are connected. */
export async function startVolunteerProcess(options: z.input<typeof volunteersSchema>): Promise<VolunteerProcess> {
  const running = startNode(CHILD, [JSON.stringify(options)], {}, { stdin: true })
  await running.line(/^ready$/m, 120_000)
  return {
    process: running,
    history: options.history,
    drain: async () => {
      running.child.stdin?.write('rest\n')
      await running.line(/^drained$/m, 300_000)
    }
  }
}
