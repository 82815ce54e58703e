/** The command line as a person runs it: a child process with a home of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '..', '..', '..', 'cli', 'src', 'main.ts')

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCli {
  readonly process: ChildProcess
  /** Resolves with the first stdout or stderr that matches; rejects when the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves when the process has ended. */
  readonly ended: Promise<CliResult>
}

export interface Cli {
  run(...args: readonly string[]): Promise<CliResult>
  start(...args: readonly string[]): RunningCli
}

function follow(child: ChildProcess): RunningCli {
  const output = { stdout: '', stderr: '' }
  const wakers = new Set<() => void>()
  const collect = (name: 'stdout' | 'stderr') =>
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      for (const wake of wakers) wake()
    })
  collect('stdout')
  collect('stderr')
  const ended = once(child, 'close').then(([code]): CliResult => ({ code: typeof code === 'number' ? code : null, ...output }))
  return {
    process: child,
    ended,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(output.stdout) ?? pattern.exec(output.stderr)
          if (found === null) return
          wakers.delete(look)
          resolve(found)
        }
        wakers.add(look)
        void ended.then(({ code }) => {
          look()
          reject(new Error(`The command ended with ${code} before ${String(pattern)}:\n${output.stdout}\n${output.stderr}`))
        })
        look()
      })
  }
}

/** @param env added to a bare environment: no colours asked for, no settings of the person who runs the tests. */
export function createCli(env: Readonly<Record<string, string>>, nodeArgs: readonly string[] = []): Cli {
  const start = (...args: readonly string[]) =>
    follow(
      spawn(process.execPath, [...nodeArgs, MAIN, ...args], { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    )
  return { start, run: (...args) => start(...args).ended }
}
