/** Gossip through one relay: what arrives, how fast, and what a peer costs the relay. */
import { pause } from '../time.ts'
import { median, medianRow, singleRow, type Part } from '../bench.ts'
import { createCrowd, JOINS_PER_SECOND, type Heard } from './crowd.ts'
import { startRelay } from './relay.ts'

const MESSAGES = 20
const MESSAGES_PER_SECOND = 4
const SETTLE_SECONDS = 60
/** What has not arrived by then is lost. */
const LAST_ARRIVAL_MS = 10_000

export interface GossipTargets {
  readonly delivery: string | null
  readonly p50: string | null
  readonly memory: string | null
}

export function gossip(count: number, targets: GossipTargets): Part {
  const id = `gossip.${count}`
  return {
    ids: [`${id}.delivery`, `${id}.p50`, `${id}.p99`, `${id}.memory`, `${id}.cpu`],
    limitSeconds: 60 + count / JOINS_PER_SECOND + 2 * SETTLE_SECONDS,
    async measure(run) {
      const relay = await startRelay(run)
      const crowd = await createCrowd(run, count, relay.addresses, true)
      const alone = await relay.process.call('usage', undefined)
      await crowd.join(JOINS_PER_SECOND)
      await crowd.settled(SETTLE_SECONDS * 1_000)
      await crowd.listen()
      // subscriptions and gossipsub's meshes take a heartbeat or two
      await pause(5_000)
      const idle = await relay.process.call('usage', undefined)
      await pause(5_000)
      const full = await relay.process.call('usage', undefined)
      run.report(`${id} relay holds ${(full.rssBytes / 2 ** 20).toFixed(0)} MiB, alone ${(alone.rssBytes / 2 ** 20).toFixed(0)} MiB`)

      const sentAt: number[] = []
      for (let probe = 0; probe < MESSAGES; probe++) {
        sentAt.push(await crowd.publish(Math.floor((probe * count) / MESSAGES), probe))
        await pause(1_000 / MESSAGES_PER_SECOND)
      }
      const expected = MESSAGES * (count - 1)
      const giveUpAt = performance.now() + LAST_ARRIVAL_MS
      let heard = await crowd.heard()
      while (arrivals(heard, sentAt).length < expected && performance.now() < giveUpAt) {
        await pause(500)
        heard = await crowd.heard()
      }
      const latencies = arrivals(heard, sentAt).sort((a, b) => a - b)
      run.report(`${id} ${latencies.length} of ${expected} arrived`)
      if (latencies.length === 0) throw new Error('No message arrived, so nothing was measured')
      const loaded = await relay.process.call('usage', undefined)
      const perPeer = (Math.max(full.rssBytes, loaded.rssBytes) - alone.rssBytes) / count / 2 ** 20
      return {
        rows: [
          singleRow(`${id}.delivery`, '%', (100 * latencies.length) / expected, targets.delivery),
          { ...singleRow(`${id}.p50`, 'ms', median(latencies), targets.p50), samples: perMessage(heard, sentAt) },
          singleRow(`${id}.p99`, 'ms', latencies[Math.ceil(latencies.length * 0.99) - 1] ?? 0, null),
          medianRow(`${id}.memory`, 'MiB', [perPeer], targets.memory),
          singleRow(`${id}.cpu`, '%', (full.cpuMicros - idle.cpuMicros) / 10 / (full.at - idle.at), null)
        ],
        conditions: [
          `gossip: ${MESSAGES} messages of 512 bytes from ${MESSAGES} peers, ${MESSAGES_PER_SECOND} a second; samples are the medians of the messages`,
          'memory: resident size of the relay with all peers (the larger of idle and after the messages) less that before the first, for each peer; cpu: of one core, idle peers'
        ]
      }
    }
  }
}

/** Milliseconds of each first arrival of a message at a peer. Throws when a peer heard a message that was not sent. */
function arrivals(heard: readonly Heard[], sentAt: readonly number[]): number[] {
  return heard.flatMap((messages) => {
    const first = new Map<number, number>()
    for (const { probe, at } of messages) if (!first.has(probe)) first.set(probe, at)
    return [...first].map(([probe, at]) => {
      const sent = sentAt[probe]
      if (sent === undefined) throw new Error(`A peer heard message ${probe}, which was not sent`)
      return at - sent
    })
  })
}

function perMessage(heard: readonly Heard[], sentAt: readonly number[]): number[] {
  return sentAt.map((sent, probe) => {
    const times = heard.flatMap((messages) => messages.find((message) => message.probe === probe)?.at ?? []).map((at) => at - sent)
    return times.length === 0 ? -1 : Math.round(median(times) * 1_000) / 1_000
  })
}
