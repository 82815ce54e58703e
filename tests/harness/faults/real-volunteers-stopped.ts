/** Real volunteers that hang for longer than a lease and go on, judged by the votes alone: nobody records what they say. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blobRef, generateKeyPair, signSpec, submitAnswerSchema } from '@peercompute/job-specs'
import { QUEENS_SOLUTIONS, specFor } from '@peercompute/kernels'
import { loadKernel } from '@peercompute/kernels/files'
import { jobsOver } from './campaign.ts'
import { checkHistory } from './check-history.ts'
import { gatherEvidence } from './evidence.ts'
import type { Violation } from './violation.ts'
import { lasting } from '../lasting.ts'
import { startCli } from '../process.ts'
import { startServer } from '../server.ts'
import { until } from '../until.ts'

const VOLUNTEERS = 3
const QUEENS = 14

export interface RealVolunteersRecord {
  readonly violations: readonly Violation[]
  readonly units: number
  readonly sum: string
  readonly expected: string
}

export async function realVolunteersStopped({ stoppedMs }: { readonly stoppedMs: number }): Promise<RealVolunteersRecord> {
  const server = await startServer()
  const folders = Array.from({ length: VOLUNTEERS }, () => mkdtempSync(join(tmpdir(), 'peercompute-real-')))
  const volunteers = folders.map((folder) => startCli(['volunteer', '--coordinator', server.url, '--data', folder, '--threads', '1']))
  try {
    await Promise.all(volunteers.map((volunteer) => volunteer.line(/Lending/)))
    const { manifest, programs, blobs } = await loadKernel('n-queens')
    const spec = specFor(manifest, { params: { n: QUEENS }, verification: { quorum: 2, independence: 'host' } }, programs)
    const signed = await signSpec(await generateKeyPair({ extractable: true }), spec)
    const answer = await fetch(`${server.url}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(signed)
    })
    const { id, missingBlobs } = submitAnswerSchema.parse(await answer.json())
    for (const bytes of blobs.values()) {
      const { sha256 } = blobRef(bytes)
      if (missingBlobs.includes(sha256)) await fetch(`${server.url}/api/v1/blobs/${sha256}`, { method: 'PUT', body: Buffer.from(bytes) })
    }
    await until('settled units', async () => (await server.job(id)).units.validated > 0, 120_000)
    const [first] = volunteers
    first?.freeze()
    await lasting(stoppedMs)
    first?.thaw()
    server.process.freeze()
    await lasting(stoppedMs)
    server.process.thaw()
    await jobsOver(server, [id], 300_000)
    const verdict = async () => checkHistory([], await gatherEvidence(server))
    await until('a ledger that tells everything', async () => (await verdict()).length === 0, 15_000).catch(() => undefined)
    const { reduced, units } = await server.job(id)
    return {
      violations: await verdict(),
      units: units.validated,
      sum: reduced.kind === 'sum' ? reduced.sum : '',
      expected: String(QUEENS_SOLUTIONS.get(QUEENS))
    }
  } finally {
    await Promise.all(volunteers.map((volunteer) => volunteer.end('SIGKILL')))
    await server.stop()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}
