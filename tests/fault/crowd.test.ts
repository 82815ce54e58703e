import { afterEach, expect, it } from 'vitest'
import { crowdConnected, crowdReady, CROWD_TOPIC, everybodyHears, startCrowd } from '../harness/crowd.ts'
import { createLab } from '../harness/lab.ts'
import { testSeed } from '../harness/seeded-random.ts'

const lab = createLab()
afterEach(() => lab.end())

it('30 clients that burst in from one address through a proxy hold a reservation each, hear everything, and come back together', async () => {
  const { relay, line } = await lab.relayBehind(testSeed('crowd'), { delayMs: 2 }, { topics: [CROWD_TOPIC], replica: false })
  const peers = await startCrowd(lab, relay, 30)
  await crowdConnected(peers, relay, 60_000)
  await crowdReady(peers, relay, 60_000)
  expect(line.connections()).toBe(30)
  await everybodyHears(peers, 30, 60_000)

  await relay.kill()
  await relay.restart()
  const backMs = await crowdConnected(peers, relay, 60_000)
  process.stdout.write(`30 clients are back ${Math.round(backMs)} ms after the relay\n`)
  await crowdReady(peers, relay, 60_000)
  await everybodyHears(peers, 30, 60_000)
}, 300_000)
