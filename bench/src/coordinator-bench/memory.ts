/** What a hundred thousand units in flight weigh. */
import { AT_ONCE } from '@peercompute/tests/load'
import { until } from '@peercompute/tests'
import { singleRow, type Part } from '../bench.ts'
import { pause } from '../time.ts'
import { QUORUM } from './load-job.ts'
import { SERVED_CONDITIONS, startServed } from './served.ts'

const VOLUNTEERS = 50
const IN_FLIGHT = 100_000
/**
 * Each volunteer reports so many units first, so that it has had enough validated to be trusted with as many as it will hold. Then it
 * keeps leases of at least so many, and reports second opinions that lie about: of those alone it could hold a few units only.
 */
const KEEPS = { after: 200, least: 250 }
/** So that those who hold enough hold IN_FLIGHT together, although each is given up to `least` less. */
const UNITS_EACH = (IN_FLIGHT * QUORUM) / VOLUNTEERS + KEEPS.least
const MIB = 2 ** 20
/** A few never hold as much: what they have reported waits for units that others keep, so it is not validated, and they may hold little. */
const HOLDING_MIN = 45
/** The ledger is flushed and leases are renewed while it is looked at. */
const LOOKS = 20
const LOOK_MS = 1_000

export const memory: Part = {
  ids: ['memory', 'memory.idle'],
  limitSeconds: 180,
  async measure(run) {
    const served = await startServed(run)
    const generators = await served.load({
      count: VOLUNTEERS,
      processes: 1,
      pattern: { ...AT_ONCE, unitsPerContact: UNITS_EACH, keeps: KEEPS }
    })
    const idle = (await served.process.call('cost', undefined)).residentBytes
    const job = await served.submit(10 * IN_FLIGHT)
    const inFlight = async (): Promise<number> => {
      const { inProgress, validating } = await served.process.call('units', job)
      return inProgress + validating
    }
    await until(
      `${IN_FLIGHT} units in flight`,
      async () => (await inFlight()) >= IN_FLIGHT && (await generators.tally()).keeping >= HOLDING_MIN,
      60_000
    ).catch(async (cause: unknown) => {
      const { keeping, leased, contacts, empty } = await generators.tally()
      throw new Error(
        `${keeping} of ${VOLUNTEERS} hold what they are to hold: ${JSON.stringify({ inFlight: await inFlight(), leased, contacts, empty })}`,
        { cause }
      )
    })
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
        `memory: resident set (VmRSS) of the coordinator process with ${VOLUNTEERS} libp2p connections; idle before there is a job, then, after ${KEEPS.after} units that each has reported, the most in ${LOOKS} s with at least ${IN_FLIGHT} units in flight, of which at least ${HOLDING_MIN} volunteers hold ${UNITS_EACH - KEEPS.least} each and renew them`
      ]
    }
  }
}
