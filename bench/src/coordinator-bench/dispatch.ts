/** One unit per contact: how many a second, and how long a contact takes at half of that. */
import { AT_ONCE, type Tally } from '@peercompute/tests/load'
import { singleRow, type Part, type Run } from '../bench.ts'
import { pause } from '../time.ts'
import { ECHO_CONDITION, echoesPerSecond } from './echo.ts'
import { SERVED_CONDITIONS, startServed, type Served } from './served.ts'
import type { LinkKind } from '@peercompute/tests/load'

const VOLUNTEERS = 50
const PROCESSES = 2
const UNITS = 10_000_000
const WARM_UP_MS = 5_000
const MEASURE_MS = 15_000

export interface DispatchTargets {
  readonly rate: string | null
  /** Of the echoes over libp2p that this machine does. Null: they are not measured. */
  readonly share: string | null
  readonly p99: string | null
}

export function dispatch(id: string, link: LinkKind, targets: DispatchTargets): Part {
  return {
    ids: [id, ...(targets.share === null ? [] : [`${id}.echo`, `${id}.share`]), `${id}.cpu`, `${id}.p99`],
    limitSeconds: 180,
    async measure(run) {
      const echo = targets.share === null ? null : await echoesPerSecond(run)
      const served = await startServed(run)
      await served.submit(UNITS)
      const full = await measure(run, served, link, 0)
      const rate = full.tally.leased / full.seconds
      run.report(`${id} ${rate.toFixed(0)} units/s, ${full.cpuPerUnit.toFixed(3)} ms CPU each, ${failuresOf(full.tally)}`)
      const half = await measure(run, served, link, (1_000 * VOLUNTEERS) / (rate / 2))
      const p99 = percentile(half.tally.latencies, 0.99)
      run.report(
        `${id} at ${(half.tally.leased / half.seconds).toFixed(0)} units/s: p50 ${percentile(half.tally.latencies, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
      )
      await served.check(false)
      return {
        rows: [
          singleRow(id, '1/s', rate, targets.rate),
          ...(echo === null ? [] : [singleRow(`${id}.echo`, '1/s', echo, null), singleRow(`${id}.share`, '', rate / echo, targets.share)]),
          singleRow(`${id}.cpu`, 'ms', full.cpuPerUnit, null),
          singleRow(`${id}.p99`, 'ms', p99, targets.p99)
        ],
        conditions: [
          ...SERVED_CONDITIONS,
          ...(echo === null ? [] : [ECHO_CONDITION]),
          `${id}: ${VOLUNTEERS} connections, each contact reports one unit and asks for one, quorum 2; units handed out in ${MEASURE_MS / 1_000} s, with the coordinator’s CPU for each; p99: at half of that rate, from the moment at which a contact was due to the last answer of it`
        ]
      }
    }
  }
}

interface Measured {
  readonly tally: Tally
  readonly seconds: number
  readonly cpuPerUnit: number
}

async function measure(run: Run, served: Served, link: LinkKind, everyMs: number): Promise<Measured> {
  const pattern = { ...AT_ONCE, unitsPerContact: 1, everyMs }
  const generators = await served.load({ count: VOLUNTEERS, processes: PROCESSES, link, pattern })
  await pause(WARM_UP_MS)
  await generators.reset()
  const before = await served.process.call('cost', undefined)
  await pause(MEASURE_MS)
  const tally = await generators.tally()
  const after = await served.process.call('cost', undefined)
  await generators.stop()
  if (Object.keys(tally.failures).length > 0) throw new Error(`Volunteers met failures: ${failuresOf(tally)}`)
  if (tally.empty > 0) run.report(`${tally.empty} contacts found no work`)
  return { tally, seconds: (after.at - before.at) / 1_000, cpuPerUnit: (after.cpuMs - before.cpuMs) / tally.leased }
}

function failuresOf({ failures }: Tally): string {
  return `failures ${JSON.stringify(failures)}`
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  if (value === undefined) throw new Error('No contact was answered')
  return value
}
