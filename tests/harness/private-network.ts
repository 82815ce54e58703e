/**
 * A network of its own for a process and all that it starts: loopback, and one interface that leads nowhere, so that a leak is a packet
 * that can be counted. Needs root (Linux network and mount namespaces); without, the process runs in the network that is there.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { follow, type RunningProcess } from './process.ts'

/** TEST-NET-2 (RFC 5737): nobody's. */
export const PRIVATE_ADDRESS = '198.51.100.1'
const INTERFACE = 'pc-canary'

const SETUP = `
  set -e
  ip link set lo up
  ip link add ${INTERFACE} type veth peer name ${INTERFACE}-end
  ip link set ${INTERFACE} addrgenmode none
  ip link set ${INTERFACE}-end addrgenmode none
  ip link set ${INTERFACE}-end up
  ip addr add ${PRIVATE_ADDRESS}/24 dev ${INTERFACE}
  ip link set ${INTERFACE} up
  ip route add default dev ${INTERFACE} src ${PRIVATE_ADDRESS}
  mount --bind "$RESOLVER" /etc/resolv.conf
  exec "$@"`

/** Whether this machine lets us make one. */
export function canHavePrivateNetwork(): boolean {
  try {
    execFileSync('unshare', ['--net', '--mount', 'sh', '-c', `ip link add ${INTERFACE} type veth peer name ${INTERFACE}-end`], {
      stdio: 'ignore',
      timeout: 10_000
    })
    return true
  } catch {
    return false
  }
}

/** Runs a TypeScript file in Node, in a network of its own. Its only resolver is port 53 of PRIVATE_ADDRESS. */
export function startInPrivateNetwork(script: string, args: readonly string[]): RunningProcess {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-resolver-'))
  const resolver = join(folder, 'resolv.conf')
  writeFileSync(resolver, `nameserver ${PRIVATE_ADDRESS}\noptions timeout:1 attempts:1\n`)
  const child = spawn('unshare', ['--net', '--mount', 'sh', '-c', SETUP, 'sh', process.execPath, script, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', RESOLVER: resolver }
  })
  child.once('close', () => {
    rmSync(folder, { recursive: true, force: true })
  })
  return follow(child, script)
}

/** In such a process: packets that left for anywhere but the machine itself. */
export function packetsSent(): number {
  const line = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .find((text) => text.trim().startsWith(`${INTERFACE}:`))
  // Eight counters of what came, then bytes and packets that went.
  return Number(line?.split(':')[1]?.trim().split(/\s+/)[9])
}
