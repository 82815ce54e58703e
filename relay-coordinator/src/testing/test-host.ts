/** A host as the coordinator meets it: real keys, real signatures, the real protocol. */
import {
  certifyHost,
  generateKeyPair,
  signReport,
  type ExecutorKind,
  type HostCertificate,
  type HostDescription,
  type HostId,
  type KeyPair,
  type Lease,
  type Report
} from '@peercompute/job-specs'
import { coordinatorMessageSchema, signHello, type CoordinatorMessage, type HostMessage } from '@peercompute/job-specs/protocol'
import type { FrameChannel } from '@peercompute/p2p'
import { reportOf, u32 } from './fixtures.ts'

export type MessageOf<T extends CoordinatorMessage['type']> = Extract<CoordinatorMessage, { type: T }>

export interface TestHost {
  readonly id: HostId
  readonly keys: KeyPair
  readonly certificate: HostCertificate
  readonly description: HostDescription
  hello(options?: Partial<Extract<HostMessage, { type: 'hello' }>>): Extract<HostMessage, { type: 'hello' }>
  proof(root: string, challenge: string): Promise<{ challenge: string; sig: string }>
  /** Each unit's value is its number, unless told otherwise. */
  report(lease: Lease, valueOf?: (unit: number) => number): Promise<{ report: Report; values: Uint8Array }>
}

export async function createTestHost(executors: readonly ExecutorKind[] = ['js']): Promise<TestHost> {
  const keys = await generateKeyPair({ extractable: true })
  const account = await generateKeyPair({ extractable: true })
  const certificate = await certifyHost(account, keys.publicKey, 'test machine', 0)
  const description: HostDescription = {
    agent: 'test/1',
    memoryBytes: 0,
    executors: executors.map((kind) => ({
      kind,
      slots: 1,
      numericClass: 'test',
      probeVersion: 1,
      features: [],
      software: false,
      operationsPerSecond: 0
    }))
  }
  return {
    id: certificate.host,
    keys,
    certificate,
    description,
    hello: (options = {}) => ({
      type: 'hello',
      id: 1,
      minVersion: 1,
      maxVersion: 1,
      capabilities: ['cancel', 'renew', 'checkpoint'],
      certificate,
      host: description,
      ...options
    }),
    proof: async (root, challenge) => ({ challenge, sig: await signHello(keys, root, challenge) }),
    async report(lease, valueOf = (unit) => unit) {
      const units = Array.from({ length: lease.count }, (_, index) => lease.start + index)
      const { report, values } = reportOf(
        certificate.host,
        lease,
        units.map((unit) => ({ unit, value: u32(valueOf(unit)) }))
      )
      const { sig: _unsigned, ...body } = report
      return { report: await signReport(keys, body), values: Buffer.concat(values) }
    }
  }
}

/** Requests and answers over a channel, and whatever else the coordinator says. */
export interface Conversation {
  ask<T extends CoordinatorMessage['type']>(message: object, expected: T, attachment?: Uint8Array): Promise<MessageOf<T>>
  next<T extends CoordinatorMessage['type']>(expected: T): Promise<MessageOf<T>>
}

/** Reads in order; a message of another type than the expected one fails the test with its content. Unasked ones are kept for `next`. */
export function converse(channel: FrameChannel): Conversation {
  const reader = channel.frames[Symbol.asyncIterator]()
  const unasked: CoordinatorMessage[] = []

  async function read(): Promise<CoordinatorMessage> {
    const next = await reader.next()
    if (next.done === true) throw new Error('The channel ended while a message was expected')
    return coordinatorMessageSchema.parse(next.value.message)
  }

  function narrow<T extends CoordinatorMessage['type']>(message: CoordinatorMessage, expected: T): MessageOf<T> {
    if (!isOf(message, expected)) throw new Error(`Expected ${expected}, got ${JSON.stringify(message)}`)
    return message
  }

  return {
    async ask(message, expected, attachment) {
      await channel.send(message, attachment)
      for (;;) {
        const answer = await read()
        if (answer.type !== 'stop' && answer.type !== 'nudge') return narrow(answer, expected)
        unasked.push(answer)
      }
    },
    async next(expected) {
      const index = unasked.findIndex(({ type }) => type === expected)
      if (index >= 0) for (const found of unasked.splice(index, 1)) return narrow(found, expected)
      return narrow(await read(), expected)
    }
  }
}

function isOf<T extends CoordinatorMessage['type']>(message: CoordinatorMessage, type: T): message is MessageOf<T> {
  return message.type === type
}

/** Hello, challenge, proof, welcome. */
export async function introduce(conversation: Conversation, host: TestHost): Promise<MessageOf<'welcome'>> {
  const { challenge, certificate } = await conversation.ask(host.hello(), 'challenge')
  return conversation.ask(host.hello({ id: 2, proof: await host.proof(certificate.root, challenge) }), 'welcome')
}
