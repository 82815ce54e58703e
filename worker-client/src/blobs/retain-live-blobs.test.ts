import { blobRef, generateKeyPair, signSpec, utf8, type AuthorId, type ContentHash, type JobId, type JobSpec } from '@peercompute/job-specs'
import type { LedgerJob, LedgerState } from '@peercompute/ledger'
import { createFakeClock } from '@peercompute/p2p/testing'
import { expect, it } from 'vitest'
import { createListeners } from '../listeners.ts'
import { testSpec } from '../test-support/test-job.ts'
import { retainLiveBlobs } from './retain-live-blobs.ts'

const hashOf = (text: string): ContentHash => blobRef(utf8(text)).sha256
const idOf = (text: string): JobId => hashOf(text) as string as JobId

/** A job with one program and one input of its own, and one input that all share. */
function specOf(name: string): JobSpec {
  const input = (text: string) => ({ ...testSpec().inputs[0], name: text, blob: blobRef(utf8(text)) })
  return { ...testSpec(), inputs: [input(`input of ${name}`), input('shared')] as JobSpec['inputs'] }
}
const kernel = testSpec().kernel.js?.blob.sha256

async function jobOf(name: string, change: Partial<LedgerJob> = {}): Promise<LedgerJob> {
  const signed = await signSpec(await generateKeyPair({ extractable: true }), specOf(name))
  return {
    id: idOf(name),
    signed,
    publishedBy: null,
    admitted: true,
    custodial: false,
    cancelled: false,
    ended: null,
    settled: [],
    ...change
  }
}

const ENDED = { ended: { state: 'completed', settled: 1, root: hashOf('root') } } as const

function follow() {
  const clock = createFakeClock()
  const changes = createListeners<undefined>()
  const cached = new Map<JobId, JobSpec>()
  const looks: ContentHash[][] = []
  let state: LedgerState | null = null
  const stop = retainLiveBlobs({
    clock,
    store: {
      retain: async (wanted) => {
        looks.push([...wanted].sort())
      }
    },
    ledger: { state: () => state, onChange: changes.on },
    jobs: { known: () => [...cached.keys()], spec: (id) => cached.get(id) }
  })
  return {
    cached,
    looks,
    stop,
    say: (jobs: readonly LedgerJob[], coordinators = 1) => {
      state = {
        jobs: new Map(jobs.map((job) => [job.id, job])),
        credit: new Map(),
        revoked: new Set(),
        revokedJobs: new Map(),
        coordinators: new Map(Array.from({ length: coordinators }, (_, i) => [String(i) as AuthorId, 1])),
        retired: { jobs: 0, units: 0 }
      }
      changes.emit(undefined)
      changes.emit(undefined)
      clock.advance(10_000)
    }
  }
}

const wanted = (...names: string[]) => [kernel, hashOf('shared'), ...names.map((name) => hashOf(`input of ${name}`))].sort()

it('keeps the blobs of jobs that go on, also those that an ended job shares with them', async () => {
  const { looks, say } = follow()
  say([await jobOf('one'), await jobOf('two', ENDED), await jobOf('three', { cancelled: true })])
  expect(looks).toEqual([wanted('one')])
})

it('drops nothing before a coordinator has spoken', async () => {
  const { looks, say } = follow()
  say([], 0)
  expect(looks).toEqual([])
})

it('keeps what this host computes though the ledger does not tell of it, until it has told of its end', async () => {
  const { cached, looks, say } = follow()
  cached.set(idOf('mine'), specOf('mine'))
  say([])
  say([await jobOf('mine', ENDED)])
  say([])
  expect(looks).toEqual([wanted('mine'), [], []])
})

it('ends when it is told to', async () => {
  const { looks, say, stop } = follow()
  stop()
  say([await jobOf('one')])
  expect(looks).toEqual([])
})
