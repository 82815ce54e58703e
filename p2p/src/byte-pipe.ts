/** Bytes both ways between two parties, with back pressure: what frame channels are made of. */

export interface PipeListener {
  /** In order. The pipe keeps no reference to the bytes. */
  data(bytes: Uint8Array): void
  /** Once, after the last bytes. `undefined`: the other side said goodbye. */
  end(error: Error | undefined): void
}

export interface BytePipe {
  /** PeerId, or whatever names the other side. */
  readonly remote: string
  /** False: what is written now piles up in memory. */
  readonly ready: boolean
  /** Resolves with true when it is ready or over, with false after `timeoutMs` in which the other side has read nothing. */
  whenReady(timeoutMs: number): Promise<boolean>
  /** Keeps the bytes until they are sent: they must not change. Throws PEER_UNREACHABLE when the pipe is closed. */
  write(bytes: Uint8Array): void
  /** For one listener, in the turn in which the pipe was received: a libp2p stream without one is reset after 4 MiB. */
  listen(listener: PipeListener): void
  /** Nothing more comes, apart from what is under way, until `resume`. */
  pause(): void
  resume(): void
  /** Sends what is waiting, then says goodbye and waits for the other side's. Never rejects. */
  close(): Promise<void>
  /** Ends it at once, for both sides. The own listener hears of it, too. */
  abort(error: Error): void
}
