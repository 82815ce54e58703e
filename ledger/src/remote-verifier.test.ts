/** Verification on the far side of a real message channel. */
import { MessageChannel } from 'node:worker_threads'
import { concat, type JobId } from '@peercompute/job-specs'
import { afterEach, expect, test, vi } from 'vitest'
import { fixedKey, newLedger, openInstallation, wholeFeed } from '../test/fixtures.ts'
import { createRemoteVerifier, serveVerifier, type VerifierPort } from './index.ts'

const [author, account] = await Promise.all([fixedKey(1), fixedKey(2)])
const job = '0'.repeat(64) as JobId
const channels: MessageChannel[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const { port1 } of channels.splice(0)) port1.close()
})

function portOf(port: MessageChannel['port1']): VerifierPort {
  return {
    postMessage: (message, transfer) => {
      port.postMessage(message, transfer as ArrayBuffer[])
    },
    addEventListener: (_type, listener) => {
      port.on('message', (data: unknown) => {
        listener({ data })
      })
    }
  }
}

function connected(): { near: VerifierPort; far: VerifierPort } {
  const channel = new MessageChannel()
  channels.push(channel)
  return { near: portOf(channel.port1), far: portOf(channel.port2) }
}

async function longFeed() {
  const source = newLedger()
  const writer = await openInstallation(source, author, account)
  await Promise.all(Array.from({ length: 600 }, () => writer.append('job.cancel', { job })))
  return { source, writer, update: wholeFeed(source, writer) }
}

test('a long update is verified over there, entry for entry as it would be here', async () => {
  const { source, writer, update } = await longFeed()
  const { near, far } = connected()
  serveVerifier(far)
  const there = newLedger({ verifier: createRemoteVerifier(near) })
  expect(await there.admit(writer.feed, update)).toEqual({ applied: true, records: 601 })
  expect(there.foldHash()).toBe(source.foldHash())
  expect(there.entries(writer.feed)).toEqual(source.entries(writer.feed))
  expect(there.updateFrom(writer.feed, 0)).toEqual(update)
})

test('what is wrong is refused over there, too, for the same reason', async () => {
  const { writer, update } = await longFeed()
  const { near, far } = connected()
  serveVerifier(far)
  const [here, there] = [newLedger(), newLedger({ verifier: createRemoteVerifier(near) })]
  const changed = concat([update])
  changed[update.length - 100] = (changed[update.length - 100] ?? 0) ^ 1
  const outcome = await there.admit(writer.feed, changed)
  expect(outcome.applied).toBe(false)
  expect(outcome).toEqual(await here.admit(writer.feed, changed))
  expect(there.heads()).toEqual([])
})

test('a thread that does not answer is done without', async () => {
  const { source, writer, update } = await longFeed()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const asked: unknown[] = []
  const verifier = createRemoteVerifier({ postMessage: (message) => asked.push(message), addEventListener: () => undefined })
  const there = newLedger({ verifier })
  const admission = there.admit(writer.feed, update)
  await vi.waitUntil(() => asked.length === 1)
  vi.advanceTimersByTime(20_000)
  vi.useRealTimers()
  expect(await admission).toEqual({ applied: true, records: 601 })
  expect(there.foldHash()).toBe(source.foldHash())
})
