/** Whether the sandbox can start a worker here: tried with the real document, because its policy decides as much as the browser does. */
import { SandboxFrame } from '../sandbox/sandbox-frame.ts'

const ANSWER_MS = 15_000

/** Starts one worker and asks it for a unit of no job; that it answers is what is asked. Removes the frame again. */
export async function probeDataWorker(sandboxUrl: string, document: Document): Promise<boolean> {
  const frame = new SandboxFrame({ url: sandboxUrl, document })
  try {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, ANSWER_MS, false)
      const end = (answered: boolean) => {
        clearTimeout(timer)
        resolve(answered)
      }
      const channel = frame.channel('cpu', '')
      channel.listen(
        () => {
          end(true)
        },
        () => {
          end(false)
        }
      )
      channel.post({ type: 'run', start: 0, count: 1 })
    })
  } finally {
    frame.close()
  }
}
