/** The way from the network page to a node: to the volunteer's, or to a light one that the page starts and stops. */
import { coordinatorInfoSchema, type CoordinatorInfo } from '@peercompute/job-specs'
import type { PeerNetwork } from '@peercompute/worker-client/browser'
import type { NetworkNode } from '../models/network/node.ts'
import { API } from './api.ts'
import { ask } from './http.ts'

export interface LightNode extends NetworkNode {
  stop(): Promise<void>
}

/** A test message carries its author's time behind its text. */
const TEST_MESSAGE = /^(.{1,100}) @(\d{13})$/

export function networkNode(network: PeerNetwork): NetworkNode {
  const { trials } = network
  return {
    report: () => network.report(),
    onReport: (listener) => network.onReport(listener),
    announce: () => {
      trials.announce()
    },
    publish: (text) => trials.publish(`${text} @${Date.now()}`),
    onMessage: (listener) =>
      trials.onMessage(({ from, text }) => {
        const [, words, sentAt] = TEST_MESSAGE.exec(text) ?? []
        if (words !== undefined) listener({ from, text: words, sentAtMs: Number(sentAt) })
      }),
    cut: () => {
      trials.cut()
    },
    redial: () => {
      network.retryNow()
    }
  }
}

/** Connects this tab without lending it: it computes nothing, and keeps what it hears of the ledger in memory. */
export async function startLightNode(signal: AbortSignal): Promise<LightNode> {
  const { startLibp2pNetwork, createIdbPinStore, shareInMemory } = await import('@peercompute/worker-client/browser')
  const network = await startLibp2pNetwork(await coordinatorInfo(createIdbPinStore(), signal))
  const share = await shareInMemory(network)
  const stop = async (): Promise<void> => {
    await network.stop()
    share.close()
  }
  if (!signal.aborted) return { ...networkNode(network), stop }
  await stop()
  throw signal.reason
}

/** What the coordinator says now; when it is away, what this browser's volunteer heard from it last. */
async function coordinatorInfo(
  pins: { lastInfo(coordinator: string): Promise<CoordinatorInfo | null> },
  signal: AbortSignal
): Promise<CoordinatorInfo> {
  try {
    return await ask(`${API}/coordinator`, coordinatorInfoSchema, { signal })
  } catch (error) {
    const remembered = await pins.lastInfo(location.origin).catch(() => null)
    if (remembered === null) throw error
    return remembered
  }
}
