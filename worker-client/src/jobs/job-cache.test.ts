import { generateKeyPair, PeerComputeError, type AuthorId, type BlobRef, type Bytes, type KeyPair } from '@peercompute/job-specs'
import { signAdmission, type LeasedJob } from '@peercompute/job-specs/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { TEST_BLOBS, TEST_INPUT, TEST_KERNEL, testJob, type TestJob } from '../test-support/test-job.ts'
import { createJobCache, JOBS_MAX } from './job-cache.ts'

let author: KeyPair
let operational: KeyPair
let job: TestJob
let fetched: string[]

const fetchBlob = (ref: BlobRef): Promise<Bytes> => {
  fetched.push(ref.sha256)
  const bytes = TEST_BLOBS.get(ref.sha256)
  return bytes === undefined ? Promise.reject(new PeerComputeError('BLOB_NOT_FOUND', ref.sha256)) : Promise.resolve(bytes)
}

beforeEach(async () => {
  author = await generateKeyPair({ extractable: true })
  operational = await generateKeyPair({ extractable: true })
  job = await testJob(author)
  fetched = []
})

async function leased(changes: Partial<LeasedJob> = {}): Promise<LeasedJob> {
  return {
    job: job.id,
    signed: job.signed,
    admittedBy: operational.publicKey as AuthorId,
    admission: await signAdmission(operational, job.id),
    ...changes
  }
}

describe('job cache', () => {
  it('prepares an admitted job with the bytes of its program and inputs, fetched once', async () => {
    const jobs = createJobCache({ fetchBlob })
    expect(await jobs.admit(await leased(), operational.publicKey)).toBe(true)
    const [first, second] = await Promise.all([jobs.prepare(job.id, 'js'), jobs.prepare(job.id, 'js')])
    expect(first.ok && [...first.job.blobs.values()]).toEqual([TEST_KERNEL, TEST_INPUT])
    expect(second.ok).toBe(true)
    expect(fetched).toHaveLength(2)
    expect(jobs.known()).toEqual([job.id])
  })

  it('keeps no revoked job: neither one that comes nor one that it holds', async () => {
    const revoked = new Set<string>()
    const ready = Promise.withResolvers<undefined>()
    const jobs = createJobCache({ fetchBlob, isRevoked: (id, by) => revoked.has(id) || revoked.has(by), ready: ready.promise })
    const admitting = jobs.admit(await leased(), operational.publicKey)
    // What was revoked is in the stored ledger, which is still being read.
    revoked.add(job.id)
    ready.resolve(undefined)
    expect(await admitting).toBe(true)
    expect(jobs.known()).toEqual([])

    revoked.clear()
    await jobs.admit(await leased(), operational.publicKey)
    expect(jobs.dropRevoked()).toEqual([])
    revoked.add(author.publicKey)
    expect(jobs.dropRevoked()).toEqual([job.id])
    expect([jobs.known(), (await jobs.prepare(job.id, 'js')).ok]).toEqual([[], false])
  })

  it.each<[string, () => Promise<Partial<LeasedJob>>]>([
    ['a changed specification', async () => ({ signed: { ...job.signed, spec: { ...job.signed.spec, title: 'Mining' } } })],
    ['another author', async () => ({ signed: { ...job.signed, author: operational.publicKey as AuthorId } })],
    ['a signature of nobody', async () => ({ signed: { ...job.signed, sig: 'A'.repeat(86) } })],
    [
      'the id of another job',
      async () => {
        const other = await testJob(author, { revision: 2 })
        return { job: other.id, admission: await signAdmission(operational, other.id) }
      }
    ],
    ['an admission of another job', async () => ({ admission: await signAdmission(operational, 'f'.repeat(64)) })],
    [
      'an admission by a key that the root does not certify',
      async () => {
        const stranger = await generateKeyPair({ extractable: true })
        return { admittedBy: stranger.publicKey as AuthorId, admission: await signAdmission(stranger, job.id) }
      }
    ]
  ])('refuses %s', async (_name, forge) => {
    const jobs = createJobCache({ fetchBlob })
    expect(await jobs.admit(await leased(await forge()), operational.publicKey)).toBe(false)
    expect(jobs.known()).toEqual([])
  })

  it('fails units of a job whose bytes do not exist, and tries again when they only could not be had', async () => {
    const missing = createJobCache({ fetchBlob: () => Promise.reject(new PeerComputeError('BLOB_MISMATCH', 'Other bytes')) })
    await missing.admit(await leased(), operational.publicKey)
    expect(await missing.prepare(job.id, 'js')).toMatchObject({ ok: false, reason: 'missing_blob' })

    let down = true
    const recovering = createJobCache({
      fetchBlob: (ref) => (down ? Promise.reject(new PeerComputeError('COORDINATOR_UNREACHABLE', 'Down')) : fetchBlob(ref))
    })
    await recovering.admit(await leased(), operational.publicKey)
    await expect(recovering.prepare(job.id, 'js')).rejects.toMatchObject({ code: 'COORDINATOR_UNREACHABLE' })
    down = false
    expect(await recovering.prepare(job.id, 'js')).toMatchObject({ ok: true })
  })

  it('fails units for an executor that the kernel has no program for', async () => {
    const jobs = createJobCache({ fetchBlob })
    await jobs.admit(await leased(), operational.publicKey)
    expect(await jobs.prepare(job.id, 'webgpu')).toMatchObject({ ok: false, reason: 'compile_error' })
    expect(fetched).toEqual([])
  })

  it('refuses a job that needs more bytes than the host allows, without fetching them', async () => {
    const jobs = createJobCache({ fetchBlob, maxBytes: TEST_KERNEL.length })
    await jobs.admit(await leased(), operational.publicKey)
    expect(await jobs.prepare(job.id, 'js')).toMatchObject({ ok: false, reason: 'out_of_memory' })
    expect(fetched).toEqual([])
  })

  it('forgets the job that was used least recently', async () => {
    const jobs = createJobCache({ fetchBlob })
    const first = await leased()
    await jobs.admit(first, operational.publicKey)
    for (let revision = 2; revision <= JOBS_MAX; revision++) {
      const other = await testJob(author, { revision })
      await jobs.admit(
        await leased({ job: other.id, signed: other.signed, admission: await signAdmission(operational, other.id) }),
        operational.publicKey
      )
    }
    await jobs.prepare(job.id, 'js')
    const last = await testJob(author, { revision: JOBS_MAX + 1 })
    await jobs.admit(
      await leased({ job: last.id, signed: last.signed, admission: await signAdmission(operational, last.id) }),
      operational.publicKey
    )
    expect(jobs.known()).toHaveLength(JOBS_MAX)
    expect(jobs.known()).toContain(job.id)
  })
})
