/**
 *   job             47 attacks and the hoisting ones as a job: prelude, SandboxFrame, executor
 *   worker          the same 47 in a worker of the shipped document, without the prelude
 *   window          62 attacks in the window of the shipped document, which removes RTCPeerConnection
 *   policies        the same 62 in a document with the shipped headers and no script of ours
 *   control-worker, control-window   the same in a frame with the iframe's attribute alone
 */
export type RunName = 'job' | 'worker' | 'window' | 'policies' | 'control-worker' | 'control-window'

export interface RunReport {
  /** What the canaries heard: `detector attack`. */
  readonly fired: readonly string[]
  /** Attacks that got hold of something. */
  readonly held: readonly string[]
  /** Packets to anywhere but this machine while it ran; null where they cannot be counted. */
  readonly packets: number | null
}

export interface AttackReport {
  /** Whether this browser enforces the `Connection-Allowlist` header, seen from a document with no other policy. Chromium 150 does not, 156 does. */
  readonly enforcesAllowlist: boolean
  readonly runs: Readonly<Record<RunName, RunReport>>
  /** What the app's own BroadcastChannel got from inside. */
  readonly broadcasts: number
  /** Of the iframe that SandboxFrame made, `name=value`. */
  readonly attributes: readonly string[]
}
