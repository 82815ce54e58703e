import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { generateKeyPair, liveEventSchema, signSpec, type JobId, type LiveEvent } from '@peercompute/job-specs'
import { until } from '@peercompute/p2p/testing'
import { connectedHost, smallSpec } from '../testing/fixtures.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { BUFFER_MAX_BYTES, createLiveStreams, HEARTBEAT_MS } from './live-stream.ts'

let parts: TestApp
let url: string

beforeEach(async () => {
  parts = await createTestApp({}, () => true)
  await parts.app.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(parts.app.server.address() as AddressInfo).port}/api/v1/events`
})
afterEach(async () => {
  await parts[Symbol.asyncDispose]()
})

async function follow(query = ''): Promise<{ text: () => string; events: () => LiveEvent[]; ended: Promise<void>; leave: () => void }> {
  const leaving = new AbortController()
  const response = await fetch(url + query, { signal: leaving.signal, headers: { 'last-event-id': '17' } })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  let text = ''
  const ended = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
  })().catch(() => undefined)
  const events = (): LiveEvent[] =>
    text.split('\n\n').flatMap((block) => {
      const event = /^event: (.*)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      return event === undefined || data === undefined ? [] : [liveEventSchema.parse({ event, data: JSON.parse(data) })]
    })
  return {
    text: () => text,
    events,
    ended,
    leave: () => {
      leaving.abort()
    }
  }
}

async function publish(name: string): Promise<JobId> {
  return (await parts.coordinator.submit(await signSpec(await generateKeyPair({ extractable: true }), smallSpec({ name })), false)).id
}

it('begins with the present state and goes on with what changes', async () => {
  const first = await publish('first')
  const reader = await follow()
  await until(() => reader.events().length === 2, 'the present state is there')
  expect(reader.events()).toMatchObject([
    { event: 'job', data: { id: first } },
    { event: 'fleet', data: { hosts: 0 } }
  ])
  const second = await publish('second')
  await parts.coordinator.hostConnected(connectedHost('a'))
  await until(() => reader.events().some(({ event, data }) => event === 'fleet' && data.hosts === 1), 'the host is seen')
  expect(reader.events().some(({ event, data }) => event === 'job' && data.id === second)).toBe(true)
  reader.leave()
})

it('narrows to one job', async () => {
  const first = await publish('first')
  const second = await publish('second')
  const reader = await follow(`?job=${second}`)
  await parts.coordinator.pause(first)
  await parts.coordinator.pause(second)
  await until(() => reader.events().some(({ event, data }) => event === 'job' && data.state === 'paused'), 'the change is seen')
  expect(reader.events().flatMap(({ event, data }) => (event === 'job' ? [data.id] : []))).toEqual([second, second])
  reader.leave()
  expect(await (await fetch(`${url}?job=${'0'.repeat(64)}`)).json()).toMatchObject({ code: 'JOB_NOT_FOUND' })
})

it('gives signs of life, and forgets a reader that has left', async () => {
  const reader = await follow()
  parts.clock.advance(HEARTBEAT_MS)
  parts.clock.advance(HEARTBEAT_MS)
  await until(() => reader.text().split(': \n\n').length === 3, 'two heartbeats have come')
  const open = async () => /peercompute_live_streams (\d)/.exec((await parts.app.inject('/metrics')).body)?.[1]
  expect(await open()).toBe('1')
  reader.leave()
  await until(async () => (await open()) === '0', 'the reader is forgotten')
})

it('ends the streams when the server closes, so that closing does not wait for readers', async () => {
  const reader = await follow()
  await parts.app.close()
  await reader.ended
})

it('cuts off a reader that does not read, instead of keeping everything for it', async () => {
  await publish('first')
  const live = createLiveStreams(parts.coordinator, parts.clock, () => undefined)
  const reader = live.open(undefined)
  for (let n = 0; !reader.destroyed && n < BUFFER_MAX_BYTES; n++) parts.clock.advance(HEARTBEAT_MS)
  expect(reader.destroyed).toBe(true)
  live.close()
})
