/** Time as the shells use it. The same port as the network's, so that one fake drives both in tests. */
export { systemClock, type Clock } from '@peercompute/p2p'
