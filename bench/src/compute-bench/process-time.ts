/** Whether processes work, from /proc: what a pause really gives back. */
import { readdirSync, readFileSync } from 'node:fs'
import { pause } from '../time.ts'

const SAMPLE_MS = 5
const WATCH_MS = 3_000
/** A process works when in half of the samples of so long one of its threads had a core or waited for one. */
const WORKING_MS = 60
const WORKING_SHARE = 0.5
const OBSERVE_MS = 500

/** The fields of a stat file after the name, which may hold anything; null when it is gone. */
function statOf(path: string): string[] | null {
  try {
    const text = readFileSync(`/proc/${path}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** All that this process has started, with all that those have, but not `except` and what it has started. */
function descendants(except: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? statOf(name) : null
    if (stat !== null) parents.set(pid, Number(stat[1]))
  }
  const isOurs = (pid: number): boolean => {
    const parent = parents.get(pid)
    return pid !== except && parent !== undefined && (parent === process.pid || isOurs(parent))
  }
  return [...parents.keys()].filter(isOurs)
}

function ticks(pid: number): number {
  const stat = statOf(String(pid))
  return stat === null ? 0 : Number(stat[11]) + Number(stat[12])
}

/** The process that used most of the processor just now, among those that this one has started, `except` one; null when none did. */
export async function busiest(except: number): Promise<number | null> {
  const before = descendants(except).map((pid) => [pid, ticks(pid)] as const)
  await pause(OBSERVE_MS)
  const [most] = before.map(([pid, used]) => ({ pid, used: ticks(pid) - used })).sort((a, b) => b.used - a.used)
  return most === undefined || most.used === 0 ? null : most.pid
}

/** Whether one of its threads has a core, or would take one. */
export function isRunnable(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => statOf(`${pid}/task/${thread}`)?.[0] === 'R')
  } catch {
    return false
  }
}

/** Milliseconds from the call of `act` until the process last worked. */
export async function untilStill(pid: number, act: () => unknown): Promise<number> {
  const from = performance.now()
  const samples: { readonly at: number; readonly runnable: boolean }[] = []
  const acted = act()
  for (let at = 0; at < WATCH_MS; at = performance.now() - from) {
    samples.push({ at, runnable: isRunnable(pid) })
    await pause(SAMPLE_MS)
  }
  await acted
  const works = ({ at, runnable }: (typeof samples)[number]): boolean => {
    const window = samples.filter((other) => other.at > at - WORKING_MS && other.at <= at)
    return runnable && window.filter((other) => other.runnable).length >= WORKING_SHARE * window.length
  }
  return samples.findLast(works)?.at ?? 0
}
