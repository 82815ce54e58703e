/** Peers that come at once: how long until each has heard of every other, with an address that can be dialled. */
import { monotonicMs, pause } from '../time.ts'
import { median, singleRow, type Part } from '../bench.ts'
import { createCrowd, type Crowd } from './crowd.ts'
import { startRelay } from './relay.ts'

const LIMIT_SECONDS = 90
/** How long announcements are counted when everybody knows everybody. */
const STEADY_MS = 10_000
/** Above 100 peers the issue asks for a sample only, and for a bound on what the relay forwards. */
const FORWARDED_MAX = 3_000

export function discover(count: number, target: string): Part {
  const id = `discover.${count}`
  return {
    ids: [id, `${id}.forwarded`],
    limitSeconds: 60 + LIMIT_SECONDS + STEADY_MS / 1_000,
    async measure(run) {
      const relay = await startRelay(run)
      const crowd = await createCrowd(run, count, relay.addresses, true)
      const from = monotonicMs()
      await crowd.join()
      const complete = await everyoneKnows(crowd, (line) => {
        run.report(`${id} ${((monotonicMs() - from) / 1_000).toFixed(1)} s: ${line}`)
      })
      // who never learnt of all has waited for as long as we did
      const times = (await crowd.seen()).map(({ count: known, lastAt }) => (known === count - 1 ? (lastAt - from) / 1_000 : LIMIT_SECONDS))
      const before = await announcements(crowd)
      const beforeAt = monotonicMs()
      await pause(STEADY_MS)
      const after = await announcements(crowd)
      const forwarded = (after - before) / ((monotonicMs() - beforeAt) / 1_000)
      return {
        rows: [
          { ...singleRow(id, 's', Math.max(...times), target), samples: times.map((time) => Math.round(time * 1_000) / 1_000) },
          singleRow(`${id}.forwarded`, '1/s', forwarded, `<= ${FORWARDED_MAX}`)
        ],
        conditions: [
          ...(complete ? [] : [`${id}: not everybody knew everybody after ${LIMIT_SECONDS} s, which stands for those`]),
          'peers are Node clients without WebRTC, at most 50 in a process; discovery counts from the first dial, all at once'
        ]
      }
    }
  }
}

/** False when it did not come to that in time. */
async function everyoneKnows(crowd: Crowd, report: (line: string) => void): Promise<boolean> {
  const others = crowd.ids.length - 1
  let told = ''
  const end = performance.now() + LIMIT_SECONDS * 1_000
  while (performance.now() < end) {
    const known = (await crowd.seen()).map((peer) => peer.count)
    const there = (await crowd.state()).filter(({ reachableAt }) => reachableAt !== null).length
    const complete = known.filter((count) => count === others).length
    const news = `${there} have an address, ${complete} know all ${others} others, the middle one ${median(known)}, the least ${Math.min(...known)}`
    if (news !== told) report(news)
    told = news
    if (complete === known.length) return true
    await pause(250)
  }
  return false
}

/** Copies of announcements that have arrived: peers hear them from the relay alone, so it has forwarded as many. */
async function announcements(crowd: Crowd): Promise<number> {
  return (await crowd.state()).reduce((sum, peer) => sum + peer.announcements, 0)
}
