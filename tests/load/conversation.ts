/** Requests and answers on a work channel, many at a time, and what the coordinator says unasked. */
import type { CoordinatorMessage, Frame } from '@peercompute/job-specs/protocol'
import type { LightHost } from './light-host.ts'

/** A FrameChannel of libp2p and a work channel over HTTP are both one. */
export interface LoadChannel {
  send(message: object, attachment?: Uint8Array): Promise<void>
  readonly frames: AsyncIterable<Frame>
}

type MessageOf<T extends CoordinatorMessage['type']> = Extract<CoordinatorMessage, { type: T }>

export interface Conversation {
  /** Rejects when the coordinator answers with an error, or when the channel ends first. */
  ask<T extends CoordinatorMessage['type']>(expected: T, message: object, attachment?: Uint8Array): Promise<MessageOf<T>>
  /** Resolves when the channel is over. Never rejects. */
  readonly over: Promise<void>
}

interface Waiting {
  readonly resolve: (message: CoordinatorMessage) => void
  readonly reject: (error: Error) => void
}

/** `onUnasked` hears of `nudge` and `stop`. */
export function converse(channel: LoadChannel, onUnasked: (message: MessageOf<'nudge' | 'stop'>) => void): Conversation {
  const waiting = new Map<number, Waiting>()
  let asked = 0
  let ended: Error | null = null

  const end = (error: Error): void => {
    ended ??= error
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }
  const read = async (): Promise<void> => {
    for await (const frame of channel.frames) {
      // The coordinator is ours, and a schema would cost the generator more than all else that it does.
      const message = frame.message as CoordinatorMessage
      if (message.type === 'nudge' || message.type === 'stop') onUnasked(message)
      else {
        waiting.get(message.id)?.resolve(message)
        waiting.delete(message.id)
      }
    }
    end(new Error('The channel has ended'))
  }

  return {
    over: read().catch((error: unknown) => {
      end(error instanceof Error ? error : new Error(String(error)))
    }),
    async ask<T extends CoordinatorMessage['type']>(expected: T, message: object, attachment?: Uint8Array) {
      if (ended !== null) throw ended
      const id = ++asked
      const { promise, resolve, reject }: PromiseWithResolvers<CoordinatorMessage> = Promise.withResolvers()
      waiting.set(id, { resolve, reject })
      channel.send({ ...message, id }, attachment).catch(reject)
      const answer = await promise
      if (isOf(answer, expected)) return answer
      throw new Error(answer.type === 'error' ? `${answer.code}: ${answer.detail}` : `Expected ${expected}, got ${answer.type}`)
    }
  }
}

function isOf<T extends CoordinatorMessage['type']>(message: CoordinatorMessage, type: T): message is MessageOf<T> {
  return message.type === type
}

/** Hello, challenge, proof, welcome. */
export async function introduce(conversation: Conversation, { certificate, description, prove }: LightHost): Promise<void> {
  const hello = { type: 'hello', minVersion: 1, maxVersion: 1, capabilities: ['renew', 'cancel'], certificate, host: description }
  const { challenge, certificate: coordinator } = await conversation.ask('challenge', hello)
  await conversation.ask('welcome', { ...hello, proof: await prove(coordinator.root, challenge) })
}
