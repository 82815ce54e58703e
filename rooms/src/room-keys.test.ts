import { certifyCoordinator, generateKeyPair, verifyCoordinatorCertificate } from '@peercompute/job-specs'
import { roomTopicSchema } from '@peercompute/job-specs/protocol'
import { describe, expect, it } from 'vitest'
import { deriveRoomKeys } from './room-keys.ts'

describe('room keys', () => {
  it('are the same for everybody with the link, and stay so', async () => {
    const [one, other] = await Promise.all([deriveRoomKeys(new Uint8Array(32)), deriveRoomKeys(new Uint8Array(32))])
    expect({ ...one, seal: 0, root: 0 }).toEqual({ ...other, seal: 0, root: 0 })
    // a changed derivation would put old and new programs into different rooms
    expect(one.tag).toMatchInlineSnapshot(`"9ff0c4285e0c9430328876214b4d994c5b2ccc89d2fb37509cd3de8324086841"`)
    expect(one.rootId).toMatchInlineSnapshot(`"SE95wu-3Xcm7H0Ywe82LlFUQ7gh78aPq75bDNkodBFo"`)
  })

  it('have nothing in common between rooms or uses', async () => {
    const [one, other] = await Promise.all([deriveRoomKeys(new Uint8Array(32)), deriveRoomKeys(new Uint8Array(32).fill(1))])
    const values = [one, other].flatMap(({ tag, ledgerTopic, presenceTopic, rootId }) => [
      tag,
      ledgerTopic.slice(-64),
      presenceTopic.slice(-64),
      rootId
    ])
    expect(new Set(values).size).toBe(8)
  })

  it('name topics that a relay forwards', async () => {
    const { ledgerTopic, presenceTopic } = await deriveRoomKeys(new Uint8Array(32))
    expect([ledgerTopic, presenceTopic].every((topic) => roomTopicSchema.safeParse(topic).success)).toBe(true)
  })

  it('let each member certify a coordinator of the room', async () => {
    const { root, rootId } = await deriveRoomKeys(new Uint8Array(32).fill(7))
    const operational = await generateKeyPair({ extractable: false })
    expect(await verifyCoordinatorCertificate(await certifyCoordinator(root, operational.publicKey, 1, 0), rootId)).toBe(true)
  })

  it('keep the sealing key inside the key store', async () => {
    const { seal } = await deriveRoomKeys(new Uint8Array(32))
    await expect(crypto.subtle.exportKey('raw', seal)).rejects.toThrow()
  })
})
