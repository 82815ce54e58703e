/** Server-sent events → checked live events. The format is the one of the HTML standard, §9.2: `event:`, `data:`, blank line. */
import { liveEventSchema, type LiveEvent } from '@peercompute/job-specs'

/** A longer event is not ours. */
const EVENT_MAX_CHARS = 1_048_576

function parseEvent(lines: readonly string[]): LiveEvent | undefined {
  const field = (name: string) =>
    lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ''))
  const [event] = field('event')
  try {
    const data: unknown = JSON.parse(field('data').join('\n'))
    const parsed = liveEventSchema.safeParse({ event, data })
    // An event of a later version is passed over.
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

/** Ends with the stream. Throws RangeError when an event does not end. */
export async function* liveEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<LiveEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let lines: string[] = []
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/)
    rest = parts.pop() ?? ''
    if (rest.length > EVENT_MAX_CHARS) throw new RangeError('A live event does not end')
    for (const line of parts) {
      if (line !== '') {
        lines.push(line)
        continue
      }
      const event = lines.length > 0 ? parseEvent(lines) : undefined
      lines = []
      if (event !== undefined) yield event
    }
  }
}
