/** Takes saved states: bytes first, then the word that they are kept, and away with what no lease will name any more. */
import type { ContentHash, HostId, JobId } from '@peercompute/job-specs'
import type { CheckpointShelf } from '../checkpoints/checkpoint-shelf.ts'
import { decideCheckpoint, isCheckpoint } from '../core/index.ts'
import type { GroupCommit } from './group-commit.ts'

export interface CheckpointName {
  readonly job: JobId
  readonly epoch: number
  readonly unit: number
  readonly sha256: ContentHash
  readonly bytes: number
}

/** States of ended units are dropped this often. */
const CLEAR_INTERVAL_MS = 60_000

export class CheckpointDesk {
  readonly #commits: GroupCommit
  readonly #shelf: CheckpointShelf
  readonly #onFault: (error: unknown) => void
  /** On disk or on its way there, and not yet told of. */
  readonly #coming = new Map<ContentHash, number>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor({ commits, shelf, onFault }: { commits: GroupCommit; shelf: CheckpointShelf; onFault: (error: unknown) => void }) {
    this.#commits = commits
    this.#shelf = shelf
    this.#onFault = onFault
    this.#timer = setInterval(() => {
      this.#clear()
    }, CLEAR_INTERVAL_MS)
    this.#clear()
  }

  /** Whether it is kept. Rejects with BLOB_MISMATCH, STORE_FULL, JOB_NOT_FOUND. */
  async take(host: HostId, name: CheckpointName, state: Uint8Array): Promise<boolean> {
    const command = { type: 'checkpoint' as const, host, ...name }
    if (!this.#commits.preview(decideCheckpoint, command).kept) return false
    const { sha256 } = name
    this.#coming.set(sha256, (this.#coming.get(sha256) ?? 0) + 1)
    try {
      await this.#shelf.put(sha256, state)
      const { kept } = await this.#commits.execute(decideCheckpoint, command)
      return kept
    } finally {
      const left = (this.#coming.get(sha256) ?? 1) - 1
      if (left === 0) this.#coming.delete(sha256)
      else this.#coming.set(sha256, left)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #clear(): void {
    const { state } = this.#commits
    this.#shelf.keepOnly((sha256) => this.#coming.has(sha256) || isCheckpoint(state, sha256)).catch(this.#onFault)
  }
}
