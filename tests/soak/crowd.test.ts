import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { crowdConnected, crowdReady, CROWD_TOPIC, everybodyHears, startCrowd } from '../harness/crowd.ts'
import { createLab } from '../harness/lab.ts'

const lab = createLab()
afterEach(() => lab.end())

/** Resident memory in KiB, where the system tells (Linux). */
function residentKiB(pid: number | undefined): number | null {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? Number.NaN)
  } catch {
    return null
  }
}

it.each([100, 300])('%i clients of one relay all hold a reservation and hear everything, and come back after its death', async (count) => {
  const relay = await lab.relay({ topics: [CROWD_TOPIC], replica: false })
  const idle = residentKiB(relay.process.child.pid)
  const peers = await startCrowd(lab, relay, count)
  const joinMs = await crowdConnected(peers, relay, 180_000)
  await crowdReady(peers, relay, 120_000)
  const full = residentKiB(relay.process.child.pid)
  await everybodyHears(peers, 20, 120_000)
  await relay.kill()
  await relay.restart()
  const backMs = await crowdConnected(peers, relay, 120_000)
  await crowdReady(peers, relay, 120_000)
  await everybodyHears(peers, 20, 120_000)
  const each = idle === null || full === null ? 'unknown' : `${Math.round((full - idle) / count)} KiB`
  process.stdout.write(`${count} clients: joined in ${Math.round(joinMs)} ms, ${each} each, back after ${Math.round(backMs)} ms\n`)
  expect(backMs).toBeLessThan(45_000)
})
