/** The room that this page is in: entered with the page, left with it. */
import { EMPTY_ROOM, type RoomPicture } from '../models/room.ts'
import { PeerComputeError } from '@peercompute/job-specs'
import { enterRoom, type RoomClient } from '../services/room-client.ts'
import { throttled } from '../services/throttle.ts'

const SHOW_EVERY_MS = 250

/** `no-room`: the address is no link to one. */
export type RoomPhase = 'entering' | 'in' | 'elsewhere' | 'no-room' | 'failed'

export class RoomView {
  phase = $state<RoomPhase>('entering')
  picture = $state.raw<RoomPicture>(EMPTY_ROOM)
  failure = $state<string | null>(null)
  /** What a verb met, until the next one. */
  refused = $state<string | null>(null)
  #client: RoomClient | null = null

  /** Returns the function that leaves. */
  enter(link: string): () => void {
    let left = false
    this.phase = 'entering'
    this.picture = EMPTY_ROOM
    this.failure = null
    const show = throttled(SHOW_EVERY_MS, () => {
      if (!left && this.#client !== null) this.picture = this.#client.picture()
    })
    const entering = enterRoom(link, show)
    entering.then(
      (client) => {
        if (left) return
        this.#client = client
        this.phase = client === null ? 'elsewhere' : 'in'
        show()
      },
      (error: unknown) => {
        if (left) return
        this.phase = error instanceof PeerComputeError && error.code === 'ROOM_LINK_INVALID' ? 'no-room' : 'failed'
        this.failure = sentenceOf(error)
      }
    )
    const goodbye = () => void entering.then((client) => client?.leave()).catch(() => undefined)
    // a closed tab says goodbye, too, as far as the browser lets it
    window.addEventListener('pagehide', goodbye)
    return () => {
      left = true
      this.#client = null
      window.removeEventListener('pagehide', goodbye)
      goodbye()
    }
  }

  lend(): Promise<void> {
    return this.#do(async (client) => client.lend())
  }

  rest(): Promise<void> {
    return this.#do(async (client) => {
      client.rest()
    })
  }

  publishSample(): Promise<void> {
    return this.#do(async (client) => {
      await client.publishSample()
    })
  }

  async #do(verb: (client: RoomClient) => Promise<void>): Promise<void> {
    this.refused = null
    if (this.#client === null) return
    try {
      await verb(this.#client)
    } catch (error) {
      this.refused = sentenceOf(error)
    }
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof PeerComputeError) return `${error.detail.charAt(0).toUpperCase()}${error.detail.slice(1)}.`
  return error instanceof Error ? error.message : String(error)
}
