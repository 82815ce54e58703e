/** What a hundred thousand units in flight weigh. */
import { AT_ONCE } from '@peercompute/tests/load'
import { until } from '@peercompute/tests'
import { singleRow, type Part } from '../bench.ts'
import { pause } from '../time.ts'
import { QUORUM } from './load-job.ts'
import { SERVED_CONDITIONS, startServed } from './served.ts'

const VOLUNTEERS = 50
const IN_FLIGHT = 100_000
const PIONEERED = 100
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
    // a new job goes to few hosts until some of its units have succeeded: these see to that, and go before others could take their places
    const pioneers = await served.load({ first: VOLUNTEERS, count: QUORUM, processes: 1, pattern: { ...AT_ONCE, unitMs: 1 } })
    const job = await served.submit(10 * IN_FLIGHT)
    const units = () => served.process.call('units', job)
    await until('the first units to succeed', async () => (await units()).validated >= PIONEERED, 60_000)
    await served.process.call('pause', job)
    await pioneers.stop()
    const generators = await served.load({ count: VOLUNTEERS, processes: 1, pattern: { ...AT_ONCE, unitsPerContact, reports: false } })
    const idle = (await served.process.call('cost', undefined)).residentBytes
    await served.process.call('resume', job)
    const inFlight = async (): Promise<number> => {
      const { inProgress, validating } = await units()
      return inProgress + validating
    }
    await until(
      `${IN_FLIGHT} units in flight`,
      async () => (await inFlight()) >= IN_FLIGHT && (await generators.tally()).leased === IN_FLIGHT * QUORUM,
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
        `memory: resident set (VmRSS) of the coordinator process with ${VOLUNTEERS} libp2p connections; idle while the job is paused, then the most in ${LOOKS} s with ${IN_FLIGHT} units leased to two hosts each, which renew them`
      ]
    }
  }
}
