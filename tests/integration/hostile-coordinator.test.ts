/** What a volunteer does not do for a coordinator that it cannot trust, and which programs it does not run for anybody. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certifyCoordinator, ERRORS, generateKeyPair, signSpec } from '@peercompute/job-specs'
import { signAdmission } from '@peercompute/job-specs/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { startCli, startServer, startVolunteer, until } from '../harness/index.ts'
import { startHostileCoordinator, type HostileCoordinator, type Lies } from './parts/hostile-coordinator.ts'
import { ownJob, publish, queensJob } from './parts/publish.ts'

/** What a program says that was run although it should not have been. */
const THROWN = 'the foreign program ran'

const leaving: (() => unknown)[] = []
afterEach(async () => {
  for (const leave of leaving.splice(0).reverse()) await leave()
})

async function volunteerAt(url: string) {
  const kernel = await startVolunteer(url, { name: 'careful', peers: false })
  leaving.push(() => kernel.stop())
  return kernel
}

/** A volunteer computes, or refuses, the two units of n queens that this coordinator leases. */
async function resultsUnder(lies: Lies): Promise<HostileCoordinator['results']> {
  const coordinator = await startHostileCoordinator(await queensJob(6), lies)
  leaving.push(() => coordinator[Symbol.asyncDispose]())
  await volunteerAt(coordinator.url)
  await until('the report', () => coordinator.results.length === 2)
  return coordinator.results
}

it('computes for a coordinator that does not lie: what follows fails for its lie alone', async () => {
  expect((await resultsUnder({})).map(({ outcome }) => outcome)).toEqual(['success', 'success'])
})

describe('computes nothing of a job', () => {
  it.each<[string, Lies]>([
    [
      'whose author did not sign it',
      {
        leased: async (honest, { stranger }) => ({
          ...honest,
          signed: { ...honest.signed, sig: (await signSpec(stranger, honest.signed.spec)).sig }
        })
      }
    ],
    [
      'that was changed after it was signed',
      { leased: (honest) => ({ ...honest, signed: { ...honest.signed, spec: { ...honest.signed.spec, title: 'Something else' } } }) }
    ],
    [
      'that is leased under the id of another',
      {
        leased: async (honest, { operational }) => {
          const job = honest.job.replace(/^./, honest.job.startsWith('0') ? '1' : '0') as typeof honest.job
          return { ...honest, job, admission: await signAdmission(operational, job) }
        }
      }
    ],
    [
      'that was admitted by a key without a certificate',
      {
        leased: async (honest, { stranger }) => ({
          ...honest,
          admittedBy: stranger.publicKey as typeof honest.admittedBy,
          admission: await signAdmission(stranger, honest.job)
        })
      }
    ],
    [
      'whose admission is signed by somebody else',
      { leased: async (honest, { stranger }) => ({ ...honest, admission: await signAdmission(stranger, honest.job) }) }
    ]
  ])('%s', async (_what, lies) => {
    expect(await resultsUnder(lies)).toMatchObject([
      { outcome: 'failure', reason: 'bad_signature' },
      { outcome: 'failure', reason: 'bad_signature' }
    ])
  })

  it('whose program has other bytes than its hash says', async () => {
    const results = await resultsUnder({ blob: (bytes) => bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte)) })
    for (const result of results) {
      expect(result).toMatchObject({
        outcome: 'failure',
        reason: 'missing_blob',
        message: expect.stringContaining(ERRORS.BLOB_MISMATCH.title)
      })
    }
  })
})

describe('a coordinator with another root than the pinned one', () => {
  it('that certifies itself by another root only when the work begins gets no proof and gives no work', async () => {
    const coordinator = await startHostileCoordinator(await queensJob(6), {
      challenge: async ({ operational, stranger }) => certifyCoordinator(stranger, operational.publicKey, 1, 1)
    })
    leaving.push(() => coordinator[Symbol.asyncDispose]())
    const kernel = await volunteerAt(coordinator.url)
    await until('the refusal', () => kernel.snapshot().network.error?.code === 'COORDINATOR_UNTRUSTED')
    expect(coordinator.heard('hello')).toBeGreaterThan(0)
    expect(coordinator.heard('ask')).toBe(0)
  })

  it('ends the volunteer command with the exit code for what is not allowed, and the way out', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peercompute-pinned-'))
    leaving.push(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    const coordinator = await startHostileCoordinator(await queensJob(6))
    leaving.push(() => coordinator[Symbol.asyncDispose]())
    const args = ['volunteer', '--coordinator', coordinator.url, '--data', folder, '--threads', '1']
    const first = startCli(args)
    await until('the first contact', () => coordinator.results.length === 2)
    expect(await first.end('SIGINT')).toBe(0)

    const pins = join(folder, 'pins.json')
    const other = (await generateKeyPair({ extractable: true })).publicKey
    expect(readFileSync(pins, 'utf8')).toContain(coordinator.root)
    writeFileSync(pins, readFileSync(pins, 'utf8').replace(coordinator.root, other))
    const asked = coordinator.heard('ask')
    const second = startCli(args)
    expect(await second.exited()).toBe(ERRORS.COORDINATOR_UNTRUSTED.exit)
    for (const part of ['COORDINATOR_UNTRUSTED', coordinator.root, other, ERRORS.COORDINATOR_UNTRUSTED.remedy])
      expect(second.stderr()).toContain(part)
    expect(coordinator.heard('ask')).toBe(asked)
  })
})

it('a headless volunteer runs no program of a stranger, however well it is signed, and the job says why', async () => {
  const server = await startServer()
  leaving.push(() => server.stop())
  const { id } = await publish(server.url, ownJob('foreign', { js: `export default () => { throw new Error('${THROWN}') }` }))
  await volunteerAt(server.url)
  await until('the refusal', async () => (await server.job(id)).failures.length > 0)
  expect(await server.job(id)).toMatchObject({
    units: { validated: 0 },
    failures: [{ reason: 'kernel_not_admitted', units: 2, message: expect.not.stringContaining(THROWN) }]
  })
})
