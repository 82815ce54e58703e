/** `peercompute relay` in a process of its own: the relay that goes on when the coordinator is away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { startCli, type RunningProcess } from './process.ts'

const readySchema = z.object({ peerId: z.string(), port: z.int(), addresses: z.array(z.string()).min(1) })

export interface CliRelay {
  readonly peer: string
  /** What `peercompute serve --also-relay` takes. */
  readonly address: string
  readonly process: RunningProcess
  stop(): Promise<void>
}

export async function startCliRelay(args: readonly string[] = []): Promise<CliRelay> {
  const dataDir = mkdtempSync(join(tmpdir(), 'peercompute-relay-'))
  const running = startCli(['relay', '--port', '0', '--data', dataDir, '--json', ...args])
  const [line] = await running.line(/^\{.*\}$/m)
  const { peerId, addresses } = readySchema.parse(JSON.parse(line))
  const [address] = addresses
  if (address === undefined) throw new Error('The relay has no address')
  return {
    peer: peerId,
    address: address.includes('/p2p/') ? address : `${address}/p2p/${peerId}`,
    process: running,
    stop: async () => {
      await running.end()
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}
