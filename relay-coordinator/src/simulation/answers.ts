/** What simulated hosts answer. A value says which unit it is of and whether it is right: only the simulation looks at that. */
import { sha256Hex, type ContentHash } from '@peercompute/job-specs'
import { below, type Random } from './random.ts'
import type { SimulatedHost } from './simulated-fleet.ts'

export interface Answer {
  readonly value: Uint8Array
  readonly digest: ContentHash
}

/** A u32 with the unit, and one that is 0 when the value is right. */
export const VALUE_BYTES = 8

const COLLUDING = 1
const CONSTANT_UNIT = 2 ** 32 - 1
const DIFFERENT_FROM = 2

export function isRight(unit: number, value: Uint8Array): boolean {
  const view = new DataView(value.buffer, value.byteOffset, value.length)
  return view.getUint32(0, true) === unit && view.getUint32(4, true) === 0
}

/** The host computes a unit once more. */
export function answerOf(host: SimulatedHost, unit: number, random: Random): Answer {
  host.executions++
  const { group } = host
  const rate = host.executions > group.honestFor ? group.errorRate : 0
  if (rate === 0 || random() >= rate) return answer(unit, 0)
  switch (group.wrong) {
    case 'different':
      return answer(unit, DIFFERENT_FROM + below(random, 2 ** 32 - DIFFERENT_FROM))
    case 'same':
      return answer(unit, COLLUDING)
    case 'constant':
      return answer(CONSTANT_UNIT, 0)
  }
}

function answer(first: number, second: number): Answer {
  const value = new Uint8Array(VALUE_BYTES)
  const view = new DataView(value.buffer)
  view.setUint32(0, first, true)
  view.setUint32(4, second, true)
  return { value, digest: sha256Hex(value) as ContentHash }
}
