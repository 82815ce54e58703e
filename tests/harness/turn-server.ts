/** A real coturn on loopback, in the foreground, with a configuration and a database of its own. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastingPort } from './lasting-port.ts'
import { follow, type RunningProcess } from './process.ts'

const USER = 'peer'
const SECRET = 'only-for-tests'
/** Ports for relayed traffic: two for each connection. Below the range from which the system hands out ports by itself. */
const RELAY_PORTS = { first: 20_100, last: 20_299 }

/** Path of coturn's program, or null where it is not installed. */
export function turnserverPath(): string | null {
  return [process.env['PEERCOMPUTE_TURNSERVER'], '/usr/bin/turnserver'].find((path) => path !== undefined && existsSync(path)) ?? null
}

export interface TurnServer {
  /** UDP. */
  readonly port: number
  readonly process: RunningProcess
  /** For a client that reaches it on this port, which may be a forwarder's. */
  iceServers(port: number): readonly RTCIceServer[]
  /** Relayed addresses that it has given out so far. */
  allocations(): number
  stop(): Promise<void>
}

export async function startTurnServer(program: string): Promise<TurnServer> {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-turn-'))
  const port = await lastingPort()
  const config = join(folder, 'turnserver.conf')
  writeFileSync(
    config,
    [
      'listening-ip=127.0.0.1',
      `listening-port=${port}`,
      'relay-ip=127.0.0.1',
      `min-port=${RELAY_PORTS.first}`,
      `max-port=${RELAY_PORTS.last}`,
      // both ends are on this machine here; on the internet this would open the server's own network to everybody
      'allow-loopback-peers',
      'lt-cred-mech',
      `user=${USER}:${SECRET}`,
      'realm=peercompute.test',
      'no-tcp',
      'no-tls',
      'no-dtls',
      'no-cli',
      'fingerprint',
      'verbose',
      'log-file=stdout',
      `pidfile=${join(folder, 'turnserver.pid')}`,
      `userdb=${join(folder, 'turndb')}`
    ].join('\n')
  )
  const running = follow(spawn(program, ['-c', config], { stdio: ['ignore', 'pipe', 'pipe'] }), 'turnserver')
  await running.line(/listener opened on: 127\.0\.0\.1:\d+/i)
  return {
    port,
    process: running,
    iceServers: (reached) => [{ urls: `turn:127.0.0.1:${reached}?transport=udp`, username: USER, credential: SECRET }],
    allocations: () => running.stdout().match(/ALLOCATE processed, success/g)?.length ?? 0,
    stop: async () => {
      await running.end()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
