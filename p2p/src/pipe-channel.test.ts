import { encodeFrame, FrameReader } from '@peercompute/job-specs/protocol'
import { describe, expect, it } from 'vitest'
import type { BytePipe, PipeListener } from './byte-pipe.ts'
import { pipeChannel } from './pipe-channel.ts'
import { CHANNEL_CHUNK_BYTES } from './settings.ts'

const LIMIT = 4_194_304

/** A pipe that takes everything and remembers in which pieces it came. */
function recorder(): { pipe: BytePipe; written: Uint8Array[]; arrive: (bytes: Uint8Array) => void } {
  const written: Uint8Array[] = []
  let listener: PipeListener | undefined
  const pipe: BytePipe = {
    remote: 'remote',
    ready: true,
    whenReady: () => Promise.resolve(true),
    write: (bytes) => written.push(bytes),
    listen: (heard) => {
      listener = heard
    },
    pause: () => undefined,
    resume: () => undefined,
    close: () => Promise.resolve(),
    abort: () => undefined
  }
  return { pipe, written, arrive: (bytes) => listener?.data(bytes) }
}

function framesIn(pieces: readonly Uint8Array[]): unknown[] {
  const reader = new FrameReader(LIMIT)
  return pieces.flatMap((piece) => reader.push(piece).map(({ message }) => message))
}

async function later(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
}

describe('the frames of one turn', () => {
  it('cross in one write, in the order in which they were sent', async () => {
    const { pipe, written } = recorder()
    const channel = pipeChannel(pipe, { limit: LIMIT })
    await Promise.all(Array.from({ length: 100 }, (_, n) => channel.send({ n })))
    expect(written).toHaveLength(1)
    expect(framesIn(written)).toEqual(Array.from({ length: 100 }, (_, n) => ({ n })))
  })

  it('are all that its settled promises lead to', async () => {
    const { pipe, written } = recorder()
    const channel = pipeChannel(pipe, { limit: LIMIT })
    await Promise.all([0, 1, 5, 20].map((turns) => later(turns).then(() => channel.send({ turns }))))
    expect(written).toHaveLength(1)
  })

  it('cross in pieces that a stream can take, whole where they are small', async () => {
    const { pipe, written } = recorder()
    const channel = pipeChannel(pipe, { limit: LIMIT })
    const sizes = [10, 40_000, 40_000, 200_000, 10]
    await Promise.all(sizes.map((size) => channel.send({ size }, new Uint8Array(size))))
    expect(written.every(({ length }) => length <= CHANNEL_CHUNK_BYTES)).toBe(true)
    expect(framesIn(written)).toEqual(sizes.map((size) => ({ size })))
  })

  it('are read together, too', async () => {
    const { pipe, arrive } = recorder()
    const channel = pipeChannel(pipe, { limit: LIMIT })
    arrive(Buffer.concat([1, 2, 3].map((n) => encodeFrame({ n }))))
    const seen: unknown[] = []
    for await (const { message } of channel.frames) if (seen.push(message) === 3) break
    expect(seen).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  })
})
