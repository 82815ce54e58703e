/** What a hundred thousand units in flight weigh. */
import { AT_ONCE } from '@peercompute/tests/load'
import { until } from '@peercompute/tests'
import { singleRow, type Part } from '../bench.ts'
import { pause } from '../time.ts'
import { QUORUM } from './load-job.ts'
import { SERVED_CONDITIONS, startServed } from './served.ts'

const VOLUNTEERS = 50
const IN_FLIGHT = 100_000
/** Units that each volunteer reports first, so that it has had enough validated to be trusted with as many as it will hold. */
const EARNED = 200
const MIB = 2 ** 20
/** The ledger is flushed and leases are renewed while it is looked at. */
const LOOKS = 20
const LOOK_MS = 1_000

export const memory: Part = {
  ids: ['memory', 'memory.idle'],
  limitSeconds: 180,
  async measure(run) {
    const served = await startServed(run)
    const unitsPerContact = (IN_FLIGHT * QUORUM) / VOLUNTEERS
    const generators = await served.load({ count: VOLUNTEERS, processes: 1, pattern: { ...AT_ONCE, unitsPerContact, reports: EARNED } })
    const idle = (await served.process.call('cost', undefined)).residentBytes
    const job = await served.submit(10 * IN_FLIGHT)
    const inFlight = async (): Promise<number> => {
      const { inProgress, validating } = await served.process.call('units', job)
      return inProgress + validating
    }
    const leased = IN_FLIGHT * QUORUM + VOLUNTEERS * EARNED
    await until(
      `${IN_FLIGHT} units in flight`,
      async () => (await inFlight()) >= IN_FLIGHT && (await generators.tally()).leased >= leased,
      60_000
    )
    const looks: number[] = []
    for (let look = 0; look < LOOKS; look++) {
      await pause(LOOK_MS)
      looks.push((await served.process.call('cost', undefined)).residentBytes / MIB)
    }
    if ((await inFlight()) < IN_FLIGHT) throw new Error('Units came back while they were looked at')
    run.report(`memory ${(idle / MIB).toFixed(0)} MiB idle, ${Math.max(...looks).toFixed(0)} MiB at most`)
    await generators.stop()
    await served.check(false)
    return {
      rows: [
        { ...singleRow('memory', 'MiB', Math.max(...looks), '<= 200'), samples: looks.map((mib) => Math.round(mib * 10) / 10) },
        singleRow('memory.idle', 'MiB', idle / MIB, null)
      ],
      conditions: [
        ...SERVED_CONDITIONS,
        `memory: resident set (VmRSS) of the coordinator process with ${VOLUNTEERS} libp2p connections; idle before there is a job, then, after ${EARNED} units that each has reported, the most in ${LOOKS} s with ${IN_FLIGHT} units leased to two hosts each, which renew them`
      ]
    }
  }
}
