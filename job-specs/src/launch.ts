/** The launch uniform: what the runtime tells every WGSL dispatch. Reserved; kernels must not declare anything else in group 0. */

export const LAUNCH_GROUP = 0
export const LAUNCH_BINDING = 0
export const KERNEL_GROUP = 1
export const LAUNCH_BYTES = 48

/**
 * The guard: `array<atomic<u32>, 4>` in storage at binding 1 of the launch group, added by the runtime to kernels whose loops get fuel.
 * Word 0: iterations that the loops of one invocation may take together in one dispatch; written by the runtime. Word 1: becomes 1
 * when an invocation has used them up, after which its loops end at once and its results mean nothing.
 */
export const GUARD_BINDING = 1
export const GUARD_BYTES = 16
/** Prefix of every name that the runtime adds to a kernel. A kernel that uses it is refused. */
export const GUARD_PREFIX = 'peercompute_'

/** Included verbatim at the head of every kernel module by the runtime. Offsets in bytes are written by `writeLaunch`. */
export const LAUNCH_WGSL = `struct Launch {
  offset: vec3u,
  pass_index: u32,
  size: vec3u,
  pass_count: u32,
  unit: u32,
  unit_high: u32,
  repeat: u32,
  batch: u32,
}
@group(0) @binding(0) var<uniform> launch: Launch;
`

export interface Launch {
  /** First invocation of this slice inside the pass's grid. Add it to `global_invocation_id`. */
  readonly offset: readonly [number, number, number]
  /** The whole grid of the pass. Invocations at or past it must return. */
  readonly size: readonly [number, number, number]
  readonly passIndex: number
  readonly passCount: number
  readonly unit: number
  /** Which repetition of the pass this is, from 0. */
  readonly repeat: number
}

/** Writes 48 bytes at `byteOffset`: three vec4-sized rows. `batch` (units per dispatch) is reserved and 1. */
export function writeLaunch(view: DataView, byteOffset: number, launch: Launch): void {
  const words = [
    ...launch.offset,
    launch.passIndex,
    ...launch.size,
    launch.passCount,
    launch.unit >>> 0,
    Math.floor(launch.unit / 2 ** 32),
    launch.repeat,
    1
  ]
  words.forEach((word, index) => {
    view.setUint32(byteOffset + index * 4, word, true)
  })
}
