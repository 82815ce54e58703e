/** A coordinator's feed as it grows over time: admissions and settled ranges. Written by the ledger itself. */
import { certifyCoordinator, generateKeyPair, jobIdOf, signSpec, type ContentHash, type JobId, type RootId } from '@peercompute/job-specs'
import { encodeFrame } from '@peercompute/job-specs/protocol'
import { specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { createLedger, memoryLedgerStore, type Ledger } from '@peercompute/ledger'

/** One admission, and ranges of that job that were settled. */
const RECORDS_PER_JOB = 100
const RANGE_UNITS = 64
const APPENDED_TOGETHER = 500

export interface History {
  readonly root: RootId
  readonly ledger: Ledger
  readonly records: number
  /** That appending took: signing, checking, applying. */
  readonly appendSeconds: number
}

/** A ledger of `records` records, in as many epochs as they need. */
export async function writeHistory(records: number): Promise<History> {
  const [root, operational, author] = await Promise.all([key(), key(), key()])
  const { manifest, programs } = await loadKernel('n-queens')
  const now = Date.now()
  const ledger = createLedger({ now: () => now, store: memoryLedgerStore() })
  const writer = ledger.writer(operational)
  await writer.append('coordinator.open', { certificate: await certifyCoordinator(root, operational.publicKey, 1, now) })
  const held = (): number => ledger.heads().reduce((sum, { length }) => sum + length, 0)

  let job: JobId | null = null
  let appendMs = 0
  for (let made = 0; held() < records;) {
    const appended: Promise<void>[] = []
    let ms = 0
    // a new epoch adds an opening, so the last records go one by one
    for (const last = made + Math.min(APPENDED_TOGETHER, Math.max(1, records - held() - APPENDED_TOGETHER)); made < last; made++) {
      if (job === null || made % RECORDS_PER_JOB === 0) {
        const signed = await signSpec(
          author,
          specFor(manifest, { params: { n: 8 }, revision: made + 1, verification: { quorum: 2, independence: 'host' } }, programs)
        )
        job = jobIdOf(signed.author, signed.spec)
        const from = performance.now()
        appended.push(writer.append('job.admit', { job, signed, custodial: false }))
        ms += performance.now() - from
      } else {
        const start = (made % RECORDS_PER_JOB) * RANGE_UNITS
        const digest = made.toString(16).padStart(64, '0') as ContentHash
        appended.push(writer.append('units.settle', { job, start, count: RANGE_UNITS, digest, independence: 'host' }))
      }
    }
    const from = performance.now()
    await Promise.all(appended)
    appendMs += ms + performance.now() - from
  }
  return { root: root.publicKey as RootId, ledger, records: held(), appendSeconds: appendMs / 1_000 }
}

function key(): ReturnType<typeof generateKeyPair> {
  return generateKeyPair({ extractable: true })
}

/** All feeds, each as one frame of the ledger protocol. */
export function framesOf(ledger: Ledger): Uint8Array {
  return Buffer.concat(
    ledger.heads().map(({ author, epoch }) => {
      const update = ledger.updateFrom({ author, epoch }, 0)
      if (update === null) throw new Error('a feed without records')
      return encodeFrame({ type: 'update', author, epoch }, update)
    })
  )
}
