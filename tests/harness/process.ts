/** The command line program as real processes: started, read line by line, ended by signal. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

const MAIN = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url))

export interface RunningProcess {
  readonly child: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves with the first match in stdout or stderr. Rejects when the process ends without it. */
  line(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  /** Sends the signal and waits for the end. Returns the exit code, null when a signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number | null>
  exited(timeoutMs?: number): Promise<number | null>
}

export function startCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...env }
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    err += String(chunk)
  })
  const closed = once(child, 'close')
  const over = () => child.exitCode !== null || child.signalCode !== null
  const exited = async (timeoutMs = 60_000): Promise<number | null> => {
    await Promise.race([closed, until(`the end of peercompute ${args.join(' ')}`, over, timeoutMs)])
    await closed
    return child.exitCode
  }
  return {
    child,
    stdout: () => out,
    stderr: () => err,
    line: async (pattern, timeoutMs = 30_000) => {
      const match = await until(
        `${String(pattern)} from peercompute ${args.join(' ')}`,
        () => {
          const found = pattern.exec(out) ?? pattern.exec(err)
          if (found !== null) return found
          if (over()) return 'ended' as const
          return null
        },
        timeoutMs
      ).catch((cause: unknown) => {
        throw new Error(`${String(cause)}\nstdout: ${out}\nstderr: ${err}`, { cause })
      })
      if (match === 'ended')
        throw new Error(
          `peercompute ${args.join(' ')} ended with ${String(child.exitCode)} before ${String(pattern)}\nstdout: ${out}\nstderr: ${err}`
        )
      return match
    },
    end: async (signal = 'SIGTERM') => {
      if (!over()) child.kill(signal)
      return exited()
    },
    exited
  }
}

/** Runs one command to its end. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  timeoutMs = 60_000
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const running = startCli(args, env)
  const code = await running.exited(timeoutMs)
  return { code, stdout: running.stdout(), stderr: running.stderr() }
}
