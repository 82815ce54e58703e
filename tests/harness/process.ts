/** Programs as real processes: started, read line by line, stopped, continued and ended by signal. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

const MAIN = fileURLToPath(new URL('../../cli/src/main.mjs', import.meta.url))

export type Environment = Readonly<Record<string, string>>

export interface CliResult {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningProcess {
  readonly child: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves with the first match in stdout or stderr. Rejects when the process ends without it. */
  line(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  /** Resolves when the process has ended and said everything. */
  readonly ended: Promise<CliResult>
  /** Sends the signal and waits for the end. Returns the exit code, null when a signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number | null>
  exited(timeoutMs?: number): Promise<number | null>
  /** SIGSTOP: it holds its sockets and answers nothing, like a machine that hangs. */
  freeze(): void
  thaw(): void
}

export interface SpawnOptions {
  /** Keeps stdin open, for commands. */
  readonly stdin?: boolean
  /** Options of Node itself. */
  readonly nodeArgs?: readonly string[]
  /** Nothing of the tests' own environment but the path, as for a person without settings. */
  readonly bare?: boolean
}

/** Runs a TypeScript file in a Node process of its own. */
export function startNode(
  script: string,
  args: readonly string[],
  env: Environment,
  { stdin = false, nodeArgs = [], bare = false }: SpawnOptions = {}
): RunningProcess {
  const name = [basename(script), ...args].join(' ')
  const child = spawn(process.execPath, [...nodeArgs, script, ...args], {
    stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: bare ? { PATH: process.env['PATH'], ...env } : { ...process.env, NO_COLOR: '1', ...env }
  })
  return follow(child, name)
}

/** A process that was started otherwise, e.g. a program of the system. `name`: for messages. */
export function follow(child: ChildProcess, name: string): RunningProcess {
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close').then((): CliResult => ({ code: child.exitCode, stdout: out, stderr: err }))
  const over = () => child.exitCode !== null || child.signalCode !== null
  const exited = async (timeoutMs = 60_000): Promise<number | null> => {
    await Promise.race([ended, until(`the end of ${name}`, over, timeoutMs)])
    return (await ended).code
  }
  return {
    child,
    stdout: () => out,
    stderr: () => err,
    line: async (pattern, timeoutMs = 30_000) => {
      const match = await until(
        `${String(pattern)} from ${name}`,
        () => {
          // First whether it has ended, then what it said: its last words count.
          const last = over()
          return pattern.exec(out) ?? pattern.exec(err) ?? (last ? ('ended' as const) : null)
        },
        timeoutMs
      ).catch((cause: unknown) => {
        throw new Error(`${String(cause)}\nstdout: ${out}\nstderr: ${err}`, { cause })
      })
      if (match !== 'ended') return match
      const { code, stdout, stderr } = await ended
      const found = pattern.exec(stdout) ?? pattern.exec(stderr)
      if (found !== null) return found
      throw new Error(`${name} ended with ${String(code)} before ${String(pattern)}\nstdout: ${stdout}\nstderr: ${stderr}`)
    },
    ended,
    end: async (signal = 'SIGTERM') => {
      // A process that is stopped hears of no other signal before it goes on.
      if (!over()) {
        child.kill(signal)
        if (signal !== 'SIGKILL') child.kill('SIGCONT')
      }
      return exited()
    },
    exited,
    freeze: () => {
      child.kill('SIGSTOP')
    },
    thaw: () => {
      child.kill('SIGCONT')
    }
  }
}

export function startCli(args: readonly string[], env: Environment = {}, options: SpawnOptions = {}): RunningProcess {
  return startNode(MAIN, args, env, options)
}

/** Runs one command to its end. */
export async function runCli(args: readonly string[], env: Environment = {}, timeoutMs = 60_000): Promise<CliResult> {
  const running = startCli(args, env)
  await running.exited(timeoutMs)
  return running.ended
}

/** The command line as a person runs it, again and again. */
export interface Cli {
  run(...args: readonly string[]): Promise<CliResult>
  start(...args: readonly string[]): RunningProcess
}

/** @param env added to a bare environment: no colours asked for, no settings of the person who runs the tests. */
export function createCli(env: Environment, nodeArgs: readonly string[] = []): Cli {
  const start = (...args: readonly string[]) => startCli(args, env, { nodeArgs, bare: true })
  return { start, run: (...args) => start(...args).ended }
}
