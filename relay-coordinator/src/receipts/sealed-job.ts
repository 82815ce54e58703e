/** One pass over the settled units of a job: what its receipt counts, and enough of the tree to prove any unit later. */
import { setImmediate as otherWork } from 'node:timers/promises'
import {
  merkleProof,
  merkleRoot,
  receiptLeaf,
  ReceiptTally,
  unitValueBytes,
  type Bytes,
  type CountedReceipt,
  type JobId,
  type JobSpec,
  type SignedSpec
} from '@peercompute/job-specs'
import type { Coordinator } from '../coordinator.ts'
import type { SettledUnit } from '../core/index.ts'
import { receiptWriter } from './receipt-of-unit.ts'

/** A power of two. A proof reads one block again (about 10 ms); a job of 10^6 units keeps 2 000 hashes. */
export const BLOCK_UNITS = 512
/** Between two turns of everybody else: units (about 1 ms), and bytes of values that are read at once. */
const SLICE_UNITS = 32
const SLICE_BYTES = 4_194_304

export type SettledSource = Pick<Coordinator, 'settledUnits'>

interface Block {
  readonly firstUnit: number
  readonly root: Bytes
}

export interface SealedJob {
  readonly counted: CountedReceipt
  readonly blocks: readonly Block[]
}

/**
 * In unit order, from unit `from` on, `limit` of them at most. Others have their turn between slices, so units may come and go meanwhile:
 * the caller looks whether that matters.
 */
export async function* unitsInSlices(
  source: SettledSource,
  job: JobId,
  spec: Pick<JobSpec, 'outputs'>,
  { from = 0, limit = Number.POSITIVE_INFINITY }: { readonly from?: number; readonly limit?: number } = {}
): AsyncGenerator<readonly SettledUnit[]> {
  const most = Math.max(1, Math.min(SLICE_UNITS, Math.floor(SLICE_BYTES / unitValueBytes(spec.outputs))))
  for (let [next, left] = [from, limit]; left > 0;) {
    const slice = Math.min(most, left)
    const units = source.settledUnits(job, next, slice)
    if (units.length > 0) yield units
    const last = units.at(-1)
    if (last === undefined || units.length < slice) return
    next = last.unit + 1
    left -= units.length
    await otherWork()
  }
}

export interface SealInit {
  readonly source: SettledSource
  readonly job: JobId
  readonly signed: SignedSpec
  readonly unitMicroCredits: number
}

export async function sealJob({ source, job, signed, unitMicroCredits }: SealInit): Promise<SealedJob> {
  const receiptOf = receiptWriter(job, signed.spec)
  const tally = new ReceiptTally(signed.spec)
  const blocks: Block[] = []
  let firstUnit = 0
  let leaves: Bytes[] = []
  for await (const units of unitsInSlices(source, job, signed.spec))
    for (const unit of units) {
      const receipt = receiptOf(unit)
      const leaf = receiptLeaf(receipt)
      tally.add(receipt, unit.value, leaf)
      if (leaves.length === 0) firstUnit = unit.unit
      leaves.push(leaf)
      if (leaves.length < BLOCK_UNITS) continue
      blocks.push({ firstUnit, root: merkleRoot(leaves) })
      leaves = []
    }
  if (leaves.length > 0) blocks.push({ firstUnit, root: merkleRoot(leaves) })
  return { counted: tally.counted(unitMicroCredits), blocks }
}

export interface ProvenPlace {
  readonly settled: SettledUnit
  readonly index: number
  readonly size: number
  readonly path: readonly Bytes[]
}

/** Where a settled unit stands under the root. Null when it is not among the sealed ones. */
export async function proveUnit(
  { source, job, signed }: Omit<SealInit, 'unitMicroCredits'>,
  { counted, blocks }: SealedJob,
  unit: number
): Promise<ProvenPlace | null> {
  const number = blocks.findLastIndex(({ firstUnit }) => firstUnit <= unit)
  const block = blocks[number]
  if (block === undefined) return null
  const receiptOf = receiptWriter(job, signed.spec)
  const leaves: Bytes[] = []
  let found: { readonly settled: SettledUnit; readonly place: number } | null = null
  const range = { from: block.firstUnit, limit: Math.min(BLOCK_UNITS, counted.settled - number * BLOCK_UNITS) }
  for await (const units of unitsInSlices(source, job, signed.spec, range))
    for (const settled of units) {
      if (settled.unit === unit) found = { settled, place: leaves.length }
      leaves.push(receiptLeaf(receiptOf(settled)))
    }
  if (found === null) return null
  const { settled, place } = found
  const roots = blocks.map(({ root }) => root)
  const path = [...merkleProof(leaves, place), ...merkleProof(roots, number)]
  return { settled, index: number * BLOCK_UNITS + place, size: counted.settled, path }
}
