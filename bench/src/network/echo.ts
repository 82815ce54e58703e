/** The relay of a benchmark answers each frame with its message: who hears it again has a connection that can be used. */
export const ECHO_PROTOCOL = '/peercompute/bench-echo/1'
export const ECHO_LIMIT = 1_024
