/** Runs the coordinator's own core with a simulated fleet, away from the page. One question, one answer. */
import { estimateTrust } from '@peercompute/relay-coordinator/simulation'
import type { WhatIf } from './what-if.ts'

self.onmessage = ({ data }: MessageEvent<WhatIf>): void => {
  self.postMessage(estimateTrust(data, data.fleet))
}
