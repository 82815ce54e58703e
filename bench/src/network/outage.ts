/** The relay is killed and comes back after a while: how long until everybody is with it again, and how hard they knock. */
import { until } from '@peercompute/tests'
import { pause } from '../time.ts'
import { singleRow, type Part } from '../bench.ts'
import { peakInOneSecond } from '../peak.ts'
import { createCrowd, JOINS_PER_SECOND } from './crowd.ts'
import { startRelay } from './relay.ts'

const SETTLE_SECONDS = 60
const BACK_SECONDS = 180

const OUTAGES = { '3s': 3, '90s': 90, '10min': 600 } as const

export function outage(name: keyof typeof OUTAGES, count: number, target: string): Part {
  const id = `outage.${name}.${count}`
  const awaySeconds = OUTAGES[name]
  return {
    ids: [id, `${id}.joins`, `${id}.reachable`],
    limitSeconds: 60 + count / JOINS_PER_SECOND + SETTLE_SECONDS + awaySeconds + BACK_SECONDS,
    async measure(run) {
      const first = await startRelay(run)
      const crowd = await createCrowd(run, count, first.addresses, false)
      await crowd.join(JOINS_PER_SECOND)
      await crowd.settled(SETTLE_SECONDS * 1_000)
      run.report(`${id} all are there; the relay goes`)
      const gone = performance.now()
      const { back } = await first.away()
      await until('everybody to notice', async () => (await crowd.state()).every(({ connectedAt }) => connectedAt === null))
      await pause(Math.max(0, gone + awaySeconds * 1_000 - performance.now()))
      const { relay, listeningAt } = await back()
      run.report(`${id} the relay is back after ${((performance.now() - gone) / 1_000).toFixed(1)} s`)
      const allBack = await crowd.settled(BACK_SECONDS * 1_000).then(
        () => true,
        () => false
      )
      const states = await crowd.state()
      const { opened, attempts } = await relay.process.call('joins', undefined)
      const missing = states.filter(({ id: peer, connectedAt }) => connectedAt !== null && !opened.some((join) => join.peer === peer))
      if (missing.length > 0) throw new Error(`${missing.length} peers say that they are back, and the relay never saw them`)
      // who is not back yet has waited for as long as we did
      const since = (at: number | null): number => (at === null ? BACK_SECONDS : (at - listeningAt) / 1_000)
      const seconds = states.map(({ connectedAt }) => since(connectedAt))
      const reachable = states.map(({ reachableAt }) => since(reachableAt))
      if (Math.min(...seconds, ...reachable) < 0) throw new Error('A peer was back before the relay was')
      const rounded = (times: readonly number[]): number[] => times.map((time) => Math.round(time * 1_000) / 1_000)
      run.report(`${id} ${opened.length} joins, ${attempts} attempts`)
      return {
        rows: [
          { ...singleRow(id, 's', Math.max(...seconds), target), samples: rounded(seconds) },
          singleRow(`${id}.joins`, '1/s', peakInOneSecond(opened.map(({ at }) => at)), '<= 15'),
          { ...singleRow(`${id}.reachable`, 's', Math.max(...reachable), null), samples: rounded(reachable) }
        ],
        conditions: [
          ...(allBack ? [] : [`${id}: not everybody was back after ${BACK_SECONDS} s, which stands for those`]),
          'outage: the relay is killed with SIGKILL and another process takes its port and key; the DHT of every client is stopped; time counts from the relay taking connections to the last client connected; joins: most connections in any second, counted at the relay; reachable: until the last has an address through the relay'
        ]
      }
    }
  }
}
