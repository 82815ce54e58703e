import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** The Node that came through npm; scripts themselves may run under an older one. */
export const nodeBinary = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

/** The program, and the options of Node in its first line, which count only when a shell runs it. */
export const program = join(root, 'cli', 'src', 'main.mjs')
export const programOptions = readFileSync(program, 'utf8')
  .split('\n', 1)[0]
  .split(' ')
  .filter((word) => word.startsWith('--'))

const installed = join(root, 'node_modules', '.bin')
const withoutInstalled = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== installed)
const path = [installed, ...withoutInstalled].join(delimiter)

/** Environment in which `node` and every tool are the installed ones. */
export const toolEnvironment = { ...process.env, PATH: path }

/** Environment of npm itself: an installation replaces the installed Node, so it must not run on it. */
export const outerEnvironment = { ...process.env, PATH: withoutInstalled.join(delimiter) }

/**
 * Runs a command in the repository root. `quiet` collects the output (both streams, in order of arrival) instead of showing it.
 * Resolves with the exit code (127 when the command is not there, 128 + n after a signal).
 */
export function run(command, args, { quiet = false, env = toolEnvironment } = {}) {
  return new Promise((resolve) => {
    const started = performance.now()
    let output = ''
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32'
    })
    const collect = (chunk) => {
      output += chunk
    }
    child.stdout?.setEncoding('utf8').on('data', collect)
    child.stderr?.setEncoding('utf8').on('data', collect)
    const end = (code) => resolve({ code, output, seconds: (performance.now() - started) / 1000 })
    child.on('error', (error) => {
      output += `${error.message}\n`
      if (!quiet) process.stderr.write(`${error.message}\n`)
      end(127)
    })
    child.on('close', (code, signal) => end(code ?? (signal === null ? 1 : 128)))
  })
}

/** Runs the tasks, at most `width` at a time; resolves with their results in order. */
export async function inParallel(width, tasks) {
  const results = new Array(tasks.length)
  let next = 0
  const lane = async () => {
    while (next < tasks.length) {
      const index = next++
      results[index] = await tasks[index]()
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return results
}
