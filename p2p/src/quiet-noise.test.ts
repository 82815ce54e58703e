import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, expect, it, vi } from 'vitest'
import { quietNoise } from './quiet-noise.ts'
import { until } from './testing/until.ts'
import type { Logger, Upgrader } from '@libp2p/interface'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** What arrived, and how many RangeErrors were made meanwhile. */
async function sendThrough(factory: typeof quietNoise, messages: readonly Uint8Array[]): Promise<{ arrived: Buffer; errors: number }> {
  const [near, far] = multiaddrConnectionPair()
  const [dialler, listener] = await Promise.all([encrypter(factory, near.log), encrypter(factory, far.log)])
  const [{ connection: sender }, { connection: receiver }] = await Promise.all([dialler.secureOutbound(near), listener.secureInbound(far)])
  const parts: Uint8Array[] = []
  receiver.addEventListener('message', ({ data }) => {
    parts.push(data.subarray())
  })
  let errors = 0
  const counted = (target: RangeErrorConstructor, args: [message?: string]): RangeError => {
    errors++
    return new target(...args)
  }
  vi.stubGlobal('RangeError', new Proxy(RangeError, { construct: counted, apply: (target, _, args) => counted(target, args as [string]) }))
  const bytes = messages.reduce((sum, message) => sum + message.length, 0)
  for (const message of messages) sender.send(message)
  await until(() => parts.reduce((sum, part) => sum + part.length, 0) >= bytes, 'all has arrived')
  sender.abort(new Error('the test is over'))
  return { arrived: Buffer.concat(parts), errors }
}

async function encrypter(factory: typeof quietNoise, log: Logger) {
  const privateKey = await generateKeyPair('Ed25519')
  const upgrader: Partial<Upgrader> = { getStreamMuxers: () => new Map() }
  const logger = { forComponent: () => log }
  return factory()({ privateKey, peerId: peerIdFromPrivateKey(privateKey), logger, upgrader: upgrader as Upgrader })
}

/** The last is longer than a message of noise may be, so it comes as several. */
const MESSAGES = [1, 2, 300, 65_535, 200_000].map((length, index) => new Uint8Array(length).fill(index + 1))

it('brings messages as they were, and makes no error for any', async () => {
  const { arrived, errors } = await sendThrough(quietNoise, MESSAGES)
  expect(arrived.equals(Buffer.concat(MESSAGES))).toBe(true)
  expect(errors).toBe(0)
})

it('is needed: upstream makes one for each', async () => {
  const { arrived, errors } = await sendThrough(noise, MESSAGES)
  expect(arrived.equals(Buffer.concat(MESSAGES))).toBe(true)
  expect(errors).toBeGreaterThanOrEqual(MESSAGES.length)
})
