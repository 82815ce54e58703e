/** The saved state of a unit that takes long: where it stands, and what its buffers hold. Runs inside the sandbox and in Node. */
import { CHECKPOINT_MAX_BYTES } from '@peercompute/job-specs/checkpoint'
import type { GpuTask } from './gpu-task.ts'
import { isPosition, type SlicePosition } from './slices.ts'

const DIGEST_BYTES = 32
const HEAD_BYTES = 64
/** "PCG1", little-endian: changes when the layout does. */
const STATE_MAGIC = 0x31474350

/** Bytes of a state whose buffers have so many, or null when it would be too large to keep. */
export function stateBytes(buffersBytes: number): number | null {
  return HEAD_BYTES + buffersBytes <= CHECKPOINT_MAX_BYTES ? HEAD_BYTES + buffersBytes : null
}

/** Of these bytes, in this unit of this job. */
async function digestOf(bytes: Uint8Array<ArrayBuffer>, job: string, unit: number): Promise<Uint8Array<ArrayBuffer>> {
  const inner = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.subarray(DIGEST_BYTES)))
  const name = new TextEncoder().encode(`${job} ${unit} `)
  const whole = new Uint8Array(name.length + inner.length)
  whole.set(name)
  whole.set(inner, name.length)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', whole))
}

/** `buffers`: the contents of all writable buffers one after the other. */
export async function packState(
  { job }: GpuTask,
  unit: number,
  { pass, repeat, at }: SlicePosition,
  buffers: Uint8Array
): Promise<Uint8Array<ArrayBuffer>> {
  const state = new Uint8Array(HEAD_BYTES + buffers.length)
  const view = new DataView(state.buffer)
  ;[STATE_MAGIC, pass, repeat, ...at].forEach((word, index) => {
    view.setUint32(DIGEST_BYTES + index * 4, word, true)
  })
  state.set(buffers, HEAD_BYTES)
  state.set(await digestOf(state, job, unit))
  return state
}

/** Null when it is of another job, another unit or another version, or damaged. */
export async function unpackState(
  task: GpuTask,
  unit: number,
  buffersBytes: number,
  state: Uint8Array<ArrayBuffer>
): Promise<{ readonly position: SlicePosition; readonly buffers: Uint8Array<ArrayBuffer> } | null> {
  if (state.length !== HEAD_BYTES + buffersBytes) return null
  const digest = await digestOf(state, task.job, unit)
  if (digest.some((byte, index) => byte !== state[index])) return null
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength)
  const [magic, pass = 0, repeat = 0, x = 0, y = 0, z = 0] = Array.from({ length: 6 }, (_, index) =>
    view.getUint32(DIGEST_BYTES + index * 4, true)
  )
  const position: SlicePosition = { pass, repeat, at: [x, y, z] }
  return magic === STATE_MAGIC && isPosition(task.passes, position) ? { position, buffers: state.subarray(HEAD_BYTES) } : null
}
