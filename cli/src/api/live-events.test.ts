import { expect, test } from 'vitest'
import { liveEvents } from './live-events.ts'

async function eventsOf(...chunks: readonly string[]) {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    }
  })
  const events = []
  for await (const event of liveEvents(stream)) events.push(event)
  return events
}

const fleet = { event: 'fleet', data: { hosts: 2, computing: 1, validatedUnits: 7 } }
const text = `event: fleet\ndata: ${JSON.stringify(fleet.data)}\n\n`

test('an event is read', async () => {
  expect(await eventsOf(text)).toEqual([fleet])
})

test('an event cut anywhere is read', async () => {
  for (let cut = 1; cut < text.length; cut++) expect(await eventsOf(text.slice(0, cut), text.slice(cut))).toEqual([fleet])
})

test('comments, retry, unknown events and broken data are passed over', async () => {
  expect(
    await eventsOf(
      ': hello\n\n',
      'retry: 1000\n\n',
      'event: later\ndata: {}\n\n',
      'event: fleet\ndata: {\n\n',
      text.replaceAll('\n', '\r\n')
    )
  ).toEqual([fleet])
})

test('an event that does not end is refused', async () => {
  await expect(eventsOf('data: ', 'x'.repeat(2_000_000))).rejects.toThrow(RangeError)
})
