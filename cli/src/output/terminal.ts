/** Where a command speaks: data on stdout, talk on stderr, colour and live lines only for people. */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

export interface Terminal {
  /** Data: what a program may read. Adds no newline. Resolves when it may be followed by more. */
  data(text: string): Promise<void>
  /** A line for people. */
  talk(line: string): void
  /** Replaces the live line; only on a terminal. */
  live(line: string): void
  style(style: Style, text: string): string
  readonly isTerminal: boolean
  readonly columns: number
}

export interface Streams {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

export function createTerminal({ stdout, stderr }: Streams): Terminal {
  let liveShown = false
  const clearLive = () => {
    if (!liveShown) return
    stderr.write('\r\x1b[2K')
    liveShown = false
  }
  const isTerminal = stderr.isTTY && process.env.TERM !== 'dumb'
  return {
    data: (text) => {
      clearLive()
      return new Promise((resolve, reject) => stdout.write(text, (error) => (error ? reject(error) : resolve())))
    },
    talk: (line) => {
      clearLive()
      stderr.write(`${line}\n`)
    },
    live: (line) => {
      if (!isTerminal) return
      clearLive()
      stderr.write(line)
      liveShown = true
    },
    // Honours NO_COLOR, FORCE_COLOR and a stream that is no terminal.
    style: (style, text) => styleText(style, text, { stream: stderr }),
    isTerminal,
    columns: stderr.columns || 80
  }
}
