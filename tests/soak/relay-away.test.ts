import { afterEach, expect, it } from 'vitest'
import { crowdConnected, crowdReady, CROWD_TOPIC, everybodyHears, startCrowd } from '../harness/crowd.ts'
import { createLab } from '../harness/lab.ts'
import { lasting } from '../harness/lasting.ts'

const lab = createLab()
afterEach(() => lab.end())

const BACK_MS = 15_000

it.each([90_000, 600_000])('30 clients come back within 15 s after a relay that was away for %i ms', async (awayMs) => {
  const relay = await lab.relay({ topics: [CROWD_TOPIC], replica: false })
  const peers = await startCrowd(lab, relay, 30)
  await crowdConnected(peers, relay, 60_000)
  await relay.kill()
  await lasting(awayMs)
  await relay.restart()
  const backMs = await crowdConnected(peers, relay, 120_000)
  process.stdout.write(`away ${awayMs / 1_000} s: 30 of 30 back after ${(backMs / 1_000).toFixed(1)} s\n`)
  await crowdReady(peers, relay, 60_000)
  await everybodyHears(peers, 30, 60_000)
  expect(backMs).toBeLessThan(BACK_MS)
})
