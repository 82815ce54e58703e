/** A board and one's own place, read again while the fleet works. */
import type { AccountCredit, Board } from '@peercompute/job-specs'
import { live } from './live.svelte.ts'
import { Loadable, troubleOf, type Trouble } from './loadable.svelte.ts'

/** The coordinator makes boards anew no more often. */
const READ_EVERY_MS = 5_000
const ANSWER_MS = 10_000

const service = () => import('../services/credit.ts')

export class Leaderboard {
  readonly by: Board['by']
  readonly board: Loadable<Board>
  readonly own = new Loadable<{ readonly credit: AccountCredit | null }>(async (signal) => ({
    credit: await (await service()).getOwnCredit(signal)
  }))
  readonly rows = $derived.by(() => this.board.value?.rows ?? [])
  moreFailed = $state(false)
  telling = $state(false)
  trouble = $state.raw<Trouble | null>(null)
  /** Once more than the first page is shown, it stands still. */
  #still = false

  constructor(by: Board['by']) {
    this.by = by
    this.board = new Loadable<Board>(async (signal) => (await service()).getBoard(by, null, signal))
  }

  /** Returns the function that ends it. */
  follow(): () => void {
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const read = () => {
      if (!this.#still) void this.board.load(ended.signal)
      void this.own.load(ended.signal)
    }
    read()
    const leave = live.on((change) => {
      if (change.event !== 'fleet' && change.event !== 'units' && change.event !== 'resync') return
      timer ??= setTimeout(() => {
        timer = undefined
        read()
      }, READ_EVERY_MS)
    })
    return () => {
      leave()
      clearTimeout(timer)
      ended.abort()
    }
  }

  async more(): Promise<void> {
    const board = this.board.value
    if (board === null || board.next === null) return
    this.#still = true
    try {
      const next = await (await service()).getBoard(this.by, board.next, AbortSignal.timeout(ANSWER_MS))
      this.board.change((shown) => joined(shown, next))
      this.moreFailed = false
    } catch {
      this.moreFailed = true
    }
  }

  /** Null: leaves the team. */
  async team(name: string | null): Promise<void> {
    this.telling = true
    try {
      const credit = await (await service()).setTeam(name, AbortSignal.timeout(ANSWER_MS))
      this.own.change(() => ({ credit }))
      this.trouble = null
    } catch (error) {
      this.trouble = troubleOf(error)
    } finally {
      this.telling = false
    }
  }
}

function joined(shown: Board, next: Board): Board {
  if (shown.by === 'account' && next.by === 'account') return { ...next, rows: [...shown.rows, ...next.rows] }
  return shown.by === 'team' && next.by === 'team' ? { ...next, rows: [...shown.rows, ...next.rows] } : shown
}
