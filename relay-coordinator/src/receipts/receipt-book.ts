/**
 * Receipts of jobs and units, made when they are asked for. An ended job is read once and remembered; of a running job there is a
 * provisional receipt that is some seconds old. Two jobs are never read at the same time.
 */
import {
  checkProof,
  PeerComputeError,
  receiptLeaf,
  ReceiptTally,
  signJobReceipt,
  signUnitReceipt,
  specHash,
  toBase64Url,
  toHex,
  type ContentHash,
  type CountedReceipt,
  type JobDetail,
  type JobId,
  type JobReceipt,
  type ProvenUnit,
  type SignedSpec
} from '@peercompute/job-specs'
import { downloadLine, readableValues } from '@peercompute/job-specs/download'
import type { Clock } from '@peercompute/p2p/time'
import type { Coordinator } from '../coordinator.ts'
import type { CoordinatorKeys } from '../keys/coordinator-keys.ts'
import { receiptWriter } from './receipt-of-unit.ts'
import { proveUnit, sealJob, unitsInSlices, type SealedJob } from './sealed-job.ts'

/** Ended jobs that are remembered: kilobytes each. */
const JOBS_MAX = 64
/** A provisional receipt is given out again for so long, or for so many times the time that it took. */
const PROVISIONAL_MS = 5_000
const PROVISIONAL_SHARE = 20
/** An answer is not waited for longer; reading goes on. */
const WAIT_MS = 20_000
/** Readings of an ended job that changes under the reader: its units are being reopened. */
const TRIES = 3

const ENDED: ReadonlySet<JobDetail['state']> = new Set(['completed', 'failed', 'cancelled', 'retired'])

interface Entry {
  readonly version: string
  readonly madeAt: number
  readonly tookMs: number
  readonly sealed: SealedJob
  readonly receipt: JobReceipt
}

export interface ReceiptBook {
  /** Rejects with JOB_NOT_FOUND, RECEIPT_NOT_READY. */
  job(id: JobId): Promise<JobReceipt>
  /** Rejects with JOB_NOT_FOUND, UNIT_NOT_SETTLED, RECEIPT_NOT_READY. */
  unit(id: JobId, unit: number): Promise<ProvenUnit>
  /** Lines of a download (see `@peercompute/job-specs/download`), made in one pass. Rejects with JOB_NOT_FOUND. */
  download(id: JobId): AsyncGenerator<string>
}

export interface ReceiptBookInit {
  readonly coordinator: Pick<Coordinator, 'job' | 'signedSpec' | 'settledUnits' | 'unitMicroCredits'>
  readonly keys: Pick<CoordinatorKeys, 'operational' | 'certificate'>
  readonly clock: Pick<Clock, 'now' | 'schedule'>
}

export function createReceiptBook({ coordinator, keys, clock }: ReceiptBookInit): ReceiptBook {
  const made = new Map<JobId, Entry>()
  const making = new Map<JobId, Promise<Entry>>()
  let reading: Promise<unknown> = Promise.resolve()

  function signedSpecOf(id: JobId): SignedSpec {
    const signed = coordinator.signedSpec(id)
    if (signed === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `no job has the id ${id}`)
    return signed
  }

  /** Changes with whatever the receipt says. */
  function versionOf(id: JobId): string {
    const { state, units, endedAt, notHeld = 0 } = coordinator.job(id)
    return [state, units.validated, units.errored, endedAt, notHeld, coordinator.unitMicroCredits(id)].join('/')
  }

  async function sign(id: JobId, counted: CountedReceipt): Promise<JobReceipt> {
    const { author, spec } = signedSpecOf(id)
    const { state, unitCount, units, notHeld = 0, submittedAt, endedAt } = coordinator.job(id)
    return signJobReceipt(keys.operational, {
      v: 1,
      job: id,
      spec: specHash(spec),
      author,
      state,
      provisional: !ENDED.has(state),
      unitCount,
      errored: units.errored,
      notHeld,
      policy: spec.verification,
      startedAt: submittedAt,
      endedAt: ENDED.has(state) ? endedAt : null,
      certificate: keys.certificate,
      ...counted
    })
  }

  async function make(id: JobId): Promise<Entry> {
    for (let attempt = 1; ; attempt++) {
      const begunAt = clock.now()
      const version = versionOf(id)
      const sealed = await sealJob({
        source: coordinator,
        job: id,
        signed: signedSpecOf(id),
        unitMicroCredits: coordinator.unitMicroCredits(id)
      })
      const { provisional, ...rest } = await sign(id, sealed.counted)
      if (!provisional && version !== versionOf(id)) {
        if (attempt < TRIES) continue
        throw new PeerComputeError('RECEIPT_NOT_READY', `units of job ${id} change while they are read`)
      }
      const entry = { version, madeAt: clock.now(), tookMs: clock.now() - begunAt, sealed, receipt: { provisional, ...rest } }
      made.delete(id)
      made.set(id, entry)
      for (const oldest of made.keys()) {
        if (made.size <= JOBS_MAX) break
        made.delete(oldest)
      }
      return entry
    }
  }

  function isFresh(id: JobId, { version, madeAt, tookMs, receipt }: Entry): boolean {
    if (versionOf(id) === version) return true
    return (
      receipt.provisional &&
      clock.now() - madeAt < Math.max(PROVISIONAL_MS, tookMs * PROVISIONAL_SHARE) &&
      !ENDED.has(coordinator.job(id).state)
    )
  }

  async function entryOf(id: JobId): Promise<Entry> {
    signedSpecOf(id)
    const known = made.get(id)
    if (known !== undefined && isFresh(id, known)) return known
    const begun = making.get(id) ?? begin(id)
    let cancel: () => void = () => undefined
    const tooLong = new Promise<never>((_, reject) => {
      cancel = clock.schedule(WAIT_MS, () => reject(new PeerComputeError('RECEIPT_NOT_READY', `the units of job ${id} are being read`)))
    })
    try {
      return await Promise.race([begun, tooLong])
    } finally {
      cancel()
    }
  }

  function begin(id: JobId): Promise<Entry> {
    const entry = reading.then(() => make(id)).finally(() => making.delete(id))
    reading = entry.catch(() => undefined)
    making.set(id, entry)
    return entry
  }

  return {
    job: async (id) => (await entryOf(id)).receipt,
    async unit(id, unit) {
      const signed = signedSpecOf(id)
      const receiptOf = receiptWriter(id, signed.spec)
      const absent = () =>
        new PeerComputeError('UNIT_NOT_SETTLED', `unit ${unit} of job ${id} is not settled with a value that is held here`)
      const [now] = coordinator.settledUnits(id, unit, 1)
      if (now?.unit !== unit) throw absent()
      if (!ENDED.has(coordinator.job(id).state)) {
        const receipt = receiptOf(now)
        return { kind: 'signed', receipt, certificate: keys.certificate, sig: await signUnitReceipt(keys.operational, receipt) }
      }
      const { sealed, receipt: job } = await entryOf(id)
      const found = await proveUnit({ source: coordinator, job: id, signed }, sealed, unit)
      if (found === null) throw absent()
      const { settled, index, size, path } = found
      const receipt = receiptOf(settled)
      // A unit of its block may have been reopened since the job was read.
      if (!checkProof(receiptLeaf(receipt), { index, size, path }, Buffer.from(job.root, 'hex')))
        throw new PeerComputeError('RECEIPT_NOT_READY', `units of job ${id} change while they are read`)
      return {
        kind: 'proof',
        receipt,
        proof: { index, size, path: path.map((hash) => toHex(hash) as ContentHash) },
        job
      }
    },
    async *download(id) {
      const signed = signedSpecOf(id)
      const { outputs } = signed.spec
      const receiptOf = receiptWriter(id, signed.spec)
      const tally = new ReceiptTally(signed.spec)
      yield downloadLine({ peercompute: 'download', v: 1, job: id, signed })
      for await (const units of unitsInSlices(coordinator, id, signed.spec)) {
        const lines = units.map((unit) => {
          const receipt = receiptOf(unit)
          const leaf = receiptLeaf(receipt)
          tally.add(receipt, unit.value, leaf)
          const values = readableValues(outputs, unit.value)
          return downloadLine({ leaf: toHex(leaf) as ContentHash, receipt, value: toBase64Url(unit.value), values })
        })
        yield lines.join('')
      }
      yield downloadLine({ receipt: await sign(id, tally.counted(coordinator.unitMicroCredits(id))) })
    }
  }
}
