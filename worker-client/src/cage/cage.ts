/** A kind of process on this machine in which strangers' JavaScript and WASM can reach nothing. */

export type CageKind = 'deno' | 'bubblewrap'

export interface CageCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Cage {
  readonly kind: CageKind
  /** `memoryBytes`: JavaScript heap of a program. */
  command(memoryBytes: number): CageCommand
  /** Removes its files. */
  close(): Promise<void>
}
