import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blobRef, CHECKPOINT_MAX_BYTES, sha256Hex, type Bytes, type ContentHash, type Lease } from '@peercompute/job-specs'
import { signAdmission, type LeasedJob } from '@peercompute/job-specs/protocol'
import { testIdentity } from '../test-support/test-identity.ts'
import { testJob, testSpec, type TestJob } from '../test-support/test-job.ts'
import { createCheckpoints, type Checkpoints, type StateOf } from './checkpoints.ts'
import { createFolderCheckpointDisk } from './folder-checkpoint-disk.ts'
import { createMemoryCheckpointDisk } from './memory-checkpoint-disk.ts'

let folder: string
let job: TestJob
let leased: LeasedJob
let of: StateOf

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'peercompute-checkpoints-'))
  const { account } = await testIdentity()
  job = await testJob(account)
  leased = {
    job: job.id,
    signed: job.signed,
    admittedBy: account.publicKey as LeasedJob['admittedBy'],
    admission: await signAdmission(account, job.id)
  }
  of = { id: job.id, spec: job.signed.spec }
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const bytes = (...values: number[]): Bytes => Uint8Array.from(values)
const foreign = bytes(7, 7, 7)
const FOREIGN = sha256Hex(foreign) as ContentHash
const inFolder = (): Checkpoints =>
  createCheckpoints({
    disk: createFolderCheckpointDisk(folder),
    fetchForeign: (sha256) => (sha256 === FOREIGN ? Promise.resolve(foreign) : Promise.reject(new Error('gone')))
  })
const files = () => readdirSync(folder).map((name) => join(folder, name))

async function saved(state: Bytes, unit = 3): Promise<void> {
  const before = inFolder()
  before.save(of, unit, 'js', state)
  await before.settled()
}

describe('saved states', () => {
  it('outlive the program, for the same job, unit, executor kind and program only', async () => {
    await saved(bytes(1, 2, 3))
    const after = inFolder()
    expect(await after.load(of, 3, 'js')).toEqual(bytes(1, 2, 3))
    expect(await after.load(of, 4, 'js')).toBeNull()
    expect(await after.load(of, 3, 'wasm')).toBeNull()
    const other = { ...of, spec: testSpec({ kernel: { name: 'doubling', abi: 1, js: { blob: blobRef(bytes(1)) } } }) }
    expect(await after.load(other, 3, 'js')).toBeNull()
  })

  it('are private to the user, and never half there', async () => {
    await saved(bytes(1))
    writeFileSync(`${files()[0] ?? ''}.tmp`, 'half')
    const after = inFolder()
    expect(await after.load(of, 3, 'js')).toEqual(bytes(1))
    await after.settled()
    expect(files()).toHaveLength(1)
    expect(statSync(files()[0] ?? '').mode & 0o777).toBe(0o600)
  })

  it('count as none when any bit of them is damaged, or they were cut off or moved', async () => {
    await saved(bytes(1, 2, 3, 4))
    const [file = ''] = files()
    const whole = readFileSync(file)
    for (let bit = 0; bit < whole.length * 8; bit += 5) {
      const damaged = Uint8Array.from(whole)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      writeFileSync(file, damaged)
      expect(await inFolder().load(of, 3, 'js'), `bit ${bit}`).toBeNull()
    }
    writeFileSync(file, whole.subarray(0, whole.length - 1))
    expect(await inFolder().load(of, 3, 'js')).toBeNull()
    writeFileSync(file.replace('-3-js', '-5-js'), whole)
    expect(await inFolder().load(of, 5, 'js')).toBeNull()
  })

  it('are dropped with their unit, and the latest of many is the one that stays', async () => {
    const checkpoints = inFolder()
    for (let n = 0; n < 50; n++) checkpoints.save(of, 3, 'js', bytes(n))
    expect(await checkpoints.load(of, 3, 'js')).toEqual(bytes(49))
    checkpoints.drop(job.id, 3)
    await checkpoints.settled()
    expect(files()).toEqual([])
  })

  it('give way to newer ones when there is no room, and one that is too large is not kept', async () => {
    const checkpoints = createCheckpoints({ disk: createMemoryCheckpointDisk(), maxBytes: 3_000 })
    for (const unit of [1, 2, 3]) {
      checkpoints.save(of, unit, 'js', new Uint8Array(800))
      await checkpoints.settled()
    }
    expect(await checkpoints.load(of, 1, 'js')).toBeNull()
    expect(await checkpoints.load(of, 3, 'js')).toHaveLength(800)
    checkpoints.save(of, 9, 'js', new Uint8Array(CHECKPOINT_MAX_BYTES + 1))
    expect(await checkpoints.load(of, 9, 'js')).toBeNull()
  })

  it('a disk that fails keeps nobody from computing', async () => {
    rmSync(folder, { recursive: true })
    writeFileSync(folder, 'a file where the folder was')
    const checkpoints = inFolder()
    checkpoints.save(of, 3, 'js', bytes(1))
    await checkpoints.settled()
    expect(await checkpoints.load(of, 3, 'js')).toBeNull()
    expect(existsSync(folder)).toBe(true)
  })
})

describe('checkpoints of other hosts', () => {
  it('are fetched for a lease that carries one, and what descends from it is used under such a lease only', async () => {
    const first = inFolder()
    expect(await first.load(of, 3, 'js', FOREIGN)).toEqual(foreign)
    first.save(of, 3, 'js', bytes(8))
    await first.settled()
    expect(await inFolder().load(of, 3, 'js')).toBeNull()
    expect(await inFolder().load(of, 3, 'js', FOREIGN)).toEqual(bytes(8))
  })

  it('that cannot be had leave the own state, or the beginning', async () => {
    const gone = 'a'.repeat(64) as ContentHash
    expect(await inFolder().load(of, 3, 'js', gone)).toBeNull()
    await saved(bytes(1))
    expect(await inFolder().load(of, 3, 'js', gone)).toEqual(bytes(1))
  })
})

describe('held leases', () => {
  const lease = (): Lease => ({ job: job.id, start: 3, count: 2, epoch: 4, executor: 'js', deadline: 1_000, durationMs: 500 })

  it('outlive the program with their job, until they are let go of', async () => {
    const before = inFolder()
    before.keepLease(lease(), [4], leased)
    await before.settled()
    expect(await inFolder().keptLeases()).toEqual([{ lease: lease(), unfinished: [4], job: leased }])
    before.dropLease(lease())
    await before.settled()
    expect(await inFolder().keptLeases()).toEqual([])
  })

  it('that cannot be read count as none', async () => {
    const before = inFolder()
    before.keepLease(lease(), [3, 4], leased)
    await before.settled()
    const [file = ''] = files()
    writeFileSync(file, readFileSync(file).subarray(0, 40))
    const after = inFolder()
    expect(await after.keptLeases()).toEqual([])
    await after.settled()
    expect(files()).toEqual([])
  })
})
