/** Runs each resource bomb several times beside an honest unit and judges what the page and the next unit felt. */
import type { FrameOutcome } from '@peercompute/worker-client/testing/frame-page'
import { launchChromium } from '../../../harness/browser.ts'
import { pageVoice, type PageVoice } from '../../../harness/page-voice.ts'
import { serveSandboxApp } from '../../../harness/sandbox-app.ts'
import type { Bomb } from './resource-bombs.ts'

/** The page beats every 50 ms. */
const BEATS_PER_SECOND = 20
/** Units of another job at the same time. */
const NEIGHBOURS = 8

export interface BombReport {
  readonly bomb: string
  /** How the unit failed, each time; `value` when it did not. */
  readonly ends: readonly string[]
  /** Fewest heartbeats of the page in any whole second, of 20. */
  readonly fewestBeats: number
  /** Longest time from the bomb's end to the end of the next unit. */
  readonly slowestNextMs: number
  /** The next units that gave no right value. */
  readonly wrongNext: number
  /** Units of another job, run at the same time, that did not come out right. */
  readonly neighboursHurt: number
}

/** What one bomb and its surroundings came to; runs in the page. `frameBox` is there. */
const DROP = `async (bomb, limit) => {
  const honest = 'export default ({ unit }) => { let x = 0; for (let i = 0; i < 1e7; i++) x ^= i; return { value: new Uint32Array([unit + 0 * x]) } }'
  const neighbours = frameBox.run({ js: honest }, 100, ${NEIGHBOURS})
  const [end] = await frameBox.run({ js: bomb }, 0, 1, limit)
  const over = performance.now()
  const next = await frameBox.run({ js: bomb }, 1, 1)
  return { end, next, nextMs: performance.now() - over, neighbours: await neighbours }
}`

interface Dropped {
  readonly end?: FrameOutcome
  readonly next: readonly FrameOutcome[]
  readonly nextMs: number
  readonly neighbours: readonly FrameOutcome[]
}

function isRight(outcome: FrameOutcome): boolean {
  return 'value' in outcome && outcome.value[0] === outcome.unit
}

async function drop({ ask }: PageVoice, { name, js, unitMs }: Bomb, times: number): Promise<BombReport> {
  const ends: string[] = []
  let slowestNextMs = 0
  let wrongNext = 0
  let neighboursHurt = 0
  const since = await ask<number>('performance.now()')
  for (let time = 0; time < times; time++) {
    const { end, next, nextMs, neighbours } = await ask<Dropped>(`(${DROP})(${JSON.stringify(js)}, ${unitMs})`)
    ends.push(end === undefined ? 'nothing' : 'reason' in end ? end.reason : 'value')
    slowestNextMs = Math.max(slowestNextMs, nextMs)
    if (next.filter(isRight).length !== 1) wrongNext++
    neighboursHurt += NEIGHBOURS - neighbours.filter(isRight).length
  }
  const [beats, now] = await ask<[number[], number]>(`[frameBox.beatsSince(${since}), performance.now()]`)
  return { bomb: name, ends, fewestBeats: fewestIn(beats, since, now), slowestNextMs, wrongNext, neighboursHurt }
}

/** Of every whole second. */
function fewestIn(beats: readonly number[], from: number, to: number): number {
  let fewest = BEATS_PER_SECOND
  for (let second = from; second + 1_000 <= to; second += 1_000)
    fewest = Math.min(fewest, beats.filter((beat) => beat >= second && beat < second + 1_000).length)
  return fewest
}

export async function dropBombs(bombs: readonly Bomb[], times: number): Promise<BombReport[]> {
  const app = await serveSandboxApp()
  const browser = await launchChromium()
  try {
    const voice = await pageVoice(await app.open(browser))
    const reports: BombReport[] = []
    for (const bomb of bombs) reports.push(await drop(voice, bomb, times))
    return reports
  } finally {
    await browser.close()
    app.close()
  }
}
