import { describe, expect, it } from 'vitest'
import { BATCH_MAX_MESSAGES, frameBatches } from './frame-batches.ts'
import type { FrameMessage } from './frame-messages.ts'

function batches() {
  const sent: { batch: readonly FrameMessage[]; transfer: ArrayBuffer[] }[] = []
  const made = frameBatches<FrameMessage>((batch, transfer) => {
    sent.push({ batch, transfer })
  })
  return { ...made, sent, pong: (count: number) => made.tell({ type: 'pong', count }, []) }
}

describe('batches of a frame', () => {
  it('leave at once while none is on its way, and together in order afterwards', () => {
    const { pong, heard, sent } = batches()
    for (const count of [1, 2, 3]) pong(count)
    expect(sent.map(({ batch }) => batch)).toEqual([[{ type: 'pong', count: 1 }]])
    heard()
    expect(sent[1]?.batch).toEqual([2, 3].map((count) => ({ type: 'pong', count })))
    heard()
    pong(4)
    expect(sent.map(({ batch }) => batch.length)).toEqual([1, 2, 1])
  })

  it('hold a bounded number of messages and bytes, and lose none', () => {
    const { pong, tell, heard, sent } = batches()
    const value = () => new Uint8Array(200_000)
    for (let count = 0; count < 150; count++) pong(count)
    for (let unit = 0; unit < 5; unit++) {
      const bytes = value()
      tell({ type: 'answer', worker: 1, answer: { type: 'value', unit, value: bytes, computeMs: 1 } }, [bytes.buffer])
    }
    for (let time = 0; time < 10; time++) heard()
    expect(sent.map(({ batch }) => batch.length)).toEqual([1, BATCH_MAX_MESSAGES, BATCH_MAX_MESSAGES, 23, 2, 1])
    expect(sent.flatMap(({ transfer }) => transfer)).toHaveLength(5)
  })
})
