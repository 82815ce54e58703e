/** The page of tests and benchmarks that need peers in a real browser: one peer, and the commands by name. */
import { runCommand, TestPeer } from './test-peer.ts'

const peer = new TestPeer()

const page = { run: (command: string, args: readonly unknown[]): Promise<unknown> => runCommand(peer, command, args) }
export type PeerPageScript = typeof page

Object.assign(globalThis, { peerPage: page })
