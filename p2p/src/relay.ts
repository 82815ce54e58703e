/** For whoever runs a relay: the coordinator, or a peer that stands in for it. Node only in use, not in imports. */
export { createRelayNode, type RelayNode, type RelayOptions } from './relay-node.ts'
export { attachRelay } from './one-port.ts'
export { announceFor } from './announce.ts'
export { peerKeyFromSeed } from './peer-key.ts'
export { serveTopics, type RelayTopics } from './relay-topics.ts'
export { disconnect } from './disconnect.ts'
