/** Many volunteers that take ten seconds for a unit: whether the coordinator keeps all of them busy. */
import { AT_ONCE, sumTallies } from '@peercompute/tests/load'
import { singleRow, type Part } from '../bench.ts'
import { pause } from '../time.ts'
import { TRIAL_HOSTS } from '@peercompute/relay-coordinator/core'
import { until } from '@peercompute/tests'
import { QUORUM } from './load-job.ts'
import { SERVED_CONDITIONS, startServed } from './served.ts'

const UNIT_MS = 10_000
/** Real units differ, and hosts that began together must not report together. */
const UNIT_SPREAD = 0.5
const MEASURE_MS = 60_000
/** A new job goes to a few hosts until ten of its units have succeeded. */
const TRIAL_MS = 120_000
const SETTLING_UNITS = 3
const UNITS = 1_000_000
/** More in one process would make its event loop what is measured. */
const PEERS_PER_PROCESS = 75
const STREAMS_PER_PROCESS = 500
/**
 * The coordinator lets 13 in, when it has its cores for itself. Whole peers cost it more, and come first: of a crowd of thousands,
 * one that was refused comes back after minutes only (p2p/src/redial-delay.ts).
 */
const PEERS_PER_SECOND = 4
const STREAMS_PER_SECOND = 8
/** To start, to wait for volunteers that were refused, to go, and to check the books. */
const BESIDES_SECONDS = 300
const MIB = 2 ** 20

export function volunteers(id: string, peers: number, streams: number, target: string | null): Part {
  return {
    ids: [id, `${id}.cpu`, `${id}.memory`, `${id}.lost`],
    limitSeconds:
      BESIDES_SECONDS +
      2 * (peers / PEERS_PER_SECOND + streams / STREAMS_PER_SECOND) +
      (TRIAL_MS + SETTLING_UNITS * UNIT_MS + MEASURE_MS) / 1_000,
    async measure(run) {
      const served = await startServed(run)
      const job = await served.submit(UNITS)
      const pattern = { ...AT_ONCE, unitsPerContact: 1, unitMs: UNIT_MS, unitSpread: UNIT_SPREAD }
      const whole = await served.load({
        link: 'full-peer',
        first: 0,
        count: peers,
        processes: Math.ceil(peers / PEERS_PER_PROCESS),
        pattern,
        joinsPerSecond: PEERS_PER_SECOND
      })
      run.report(`${id} ${peers} whole peers are there`)
      const light = await served
        .load({
          link: 'work-stream',
          first: peers,
          count: streams,
          processes: Math.ceil(streams / STREAMS_PER_PROCESS),
          pattern,
          joinsPerSecond: STREAMS_PER_SECOND
        })
        .catch(async (cause: unknown) => {
          const { connected, joins, failures } = await whole.tally()
          run.report(`${id} ${connected} of ${peers} whole peers are still there, which joined ${joins} times: ${JSON.stringify(failures)}`)
          throw cause
        })
      const groups = [whole, light]
      run.report(`${id} all are there`)
      // The coordinator tries a new job on a few hosts; what many of them get out of it begins afterwards.
      await until('the end of the trial', async () => (await served.process.call('units', job)).inProgress > TRIAL_HOSTS, TRIAL_MS)
      run.report(`${id} the job is given to all`)
      // until second opinions come as often as first ones
      await pause(SETTLING_UNITS * UNIT_MS)
      await Promise.all(groups.map((group) => group.reset()))
      const before = await served.process.call('cost', undefined)
      const settledBefore = (await served.process.call('units', job)).validated
      await pause(MEASURE_MS)
      const settled = (await served.process.call('units', job)).validated - settledBefore
      const after = await served.process.call('cost', undefined)
      const tally = sumTallies(await Promise.all(groups.map((group) => group.tally())))
      const seconds = (after.at - before.at) / 1_000
      const ideal = ((peers + streams) * seconds * 1_000) / UNIT_MS
      const accepted = tally.answers['accepted'] ?? 0
      const lost = Object.values(tally.failures).reduce((sum, value) => sum + value, 0)
      run.report(
        `${id} ${accepted} of ${ideal.toFixed(0)} executions, ${settled} units settled, ${tally.connected} connected, answers ${JSON.stringify(tally.answers)}, failures ${JSON.stringify(tally.failures)}`
      )
      await Promise.all(groups.map((group) => group.stop()))
      await served.check(false)
      return {
        rows: [
          singleRow(id, '%', ((settled * QUORUM) / ideal) * 100, target),
          singleRow(`${id}.cpu`, '%', ((after.cpuMs - before.cpuMs) / (seconds * 1_000)) * 100, null),
          singleRow(`${id}.memory`, 'MiB', after.residentBytes / MIB, null),
          singleRow(`${id}.lost`, '', lost, null)
        ],
        conditions: [
          ...SERVED_CONDITIONS,
          `${id}: ${peers} full libp2p peers (gossip, a reservation, a replica of the ledger; no WebRTC) and ${streams} connections with a work stream only, each from another subnet; a unit takes ${UNIT_MS / 1_000} s ± ${UNIT_SPREAD * 100} % by waiting, nothing is asked for ahead; settled executions in ${MEASURE_MS / 1_000} s as a share of what so many volunteers could compute, once the job was tried on a few hosts and given to all; cpu: the coordinator’s share of a core; lost: connections that ended meanwhile`
        ]
      }
    }
  }
}
