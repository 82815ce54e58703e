/** What is to be said when the liars are gone: who was banned, what is wrong, and whether the books and the proofs hold. */
import { join } from 'node:path'
import {
  checkCreditExport,
  creditExportSchema,
  hostReputationDetailSchema,
  sha256Hex,
  unitValueBytes,
  type HostId,
  type HostReputationDetail,
  type JobId
} from '@peercompute/job-specs'
import { z } from 'zod'
import { honestValue } from '../../load/index.ts'
import { checkHistory } from '../faults/check-history.ts'
import { gatherEvidence } from '../faults/evidence.ts'
import { runCli } from '../process.ts'
import type { TestServer } from '../server.ts'
import { until } from '../until.ts'

export interface LiarsJudgement {
  readonly settled: number
  /** Settled units whose value is not the honest one. */
  readonly wrong: number
  readonly banned: { readonly liars: number; readonly honest: number }
  /** Settled units behind which no host stands that is not banned. */
  readonly decidedByBanned: number
  /** Units that were taken back, those twice that were so twice. */
  readonly reopened: number
  /** Of rows, audit log, counters, credit and ledger; and of the signed export of all credit. */
  readonly violations: readonly string[]
  /** What `peercompute verify` found in a download, with the exported ledger at hand; empty when everything holds. */
  readonly unproven: readonly string[]
}

export interface LiarsCase {
  readonly server: TestServer
  readonly job: JobId
  readonly hosts: { readonly honest: readonly HostId[]; readonly liars: readonly HostId[] }
  /** For the download. */
  readonly folder: string
}

/** The ledger follows the store, and an export of the credit is some seconds old. */
const CATCH_UP_MS = 20_000

export async function bansAmong(server: Pick<TestServer, 'get'>, hosts: readonly HostId[]): Promise<readonly HostReputationDetail[]> {
  return Promise.all(hosts.map(async (host) => hostReputationDetailSchema.parse(await server.get(`/api/v1/hosts/${host}/reputation`))))
}

export async function judgeLiars(one: LiarsCase): Promise<LiarsJudgement> {
  const { server, job, hosts } = one
  const bans = { liars: await bansAmong(server, hosts.liars), honest: await bansAmong(server, hosts.honest) }
  const isBanned = ({ ban }: HostReputationDetail): boolean => ban !== null
  const banned = new Set([...bans.liars, ...bans.honest].filter(isBanned).map(({ host }) => host))
  const books = async () => {
    const evidence = await gatherEvidence(server)
    const violations = checkHistory([], evidence).map(({ promise, what }) => `${promise}: ${what}`)
    return { evidence, violations: [...violations, ...(await wrongInExport(server))] }
  }
  await until('books that add up', async () => (await books()).violations.length === 0, CATCH_UP_MS).catch(() => undefined)
  const { evidence, violations } = await books()
  const found = evidence.jobs.get(job)
  if (found === undefined) throw new Error('The coordinator no longer knows the job')
  const { detail, rows, audited } = found
  const bytes = unitValueBytes(detail.spec.outputs)
  return {
    settled: rows.length,
    wrong: rows.filter(({ unit, digest }) => digest !== sha256Hex(honestValue(unit, bytes))).length,
    banned: { liars: bans.liars.filter(isBanned).length, honest: bans.honest.filter(isBanned).length },
    decidedByBanned: rows.filter(({ votes }) => votes.every(({ verdict, host }) => verdict === 'rejected' || banned.has(host))).length,
    reopened: audited.flatMap((entry) => (entry.kind === 'units-reopened' ? entry.units : [])).reduce((sum, [, count]) => sum + count, 0),
    violations,
    unproven: await unproven(one)
  }
}

async function wrongInExport(server: TestServer): Promise<readonly string[]> {
  return checkCreditExport(creditExportSchema.parse(await server.get('/api/v1/credit/export')), server.root)
}

const verifiedSchema = z.object({
  holds: z.boolean(),
  units: z.int(),
  steps: z.array(z.object({ title: z.string(), verdict: z.enum(['ok', 'open', 'fail']), detail: z.string() }))
})

async function unproven({ server, job, folder }: LiarsCase): Promise<readonly string[]> {
  const [download, ledger] = [join(folder, 'download.ndjson'), join(folder, 'ledger')]
  const env = { XDG_CONFIG_HOME: join(folder, 'config'), PEERCOMPUTE_COORDINATOR: server.url }
  // The ledger tells of the receipt a moment after the end.
  const receipt = async () => (await (await fetch(`${server.url}/api/v1/ledger`)).text()).includes('job.receipt')
  await until('the receipt in the ledger', receipt, CATCH_UP_MS)
  for (const args of [
    ['results', job, '--format', 'verified', '--out', download],
    ['ledger', 'export', ledger]
  ]) {
    const { code, stderr } = await runCli(args, env)
    if (code !== 0) return [`${args.join(' ')}: ${stderr}`]
  }
  const { stdout, stderr } = await runCli(['verify', download, '--root', server.root, '--ledger', ledger, '--json'], env)
  const parsed = verifiedSchema.safeParse(JSON.parse(stdout === '' ? '{}' : stdout))
  if (!parsed.success) return [stderr]
  return parsed.data.steps.filter(({ verdict }) => verdict !== 'ok').map(({ title, detail }) => `${title}: ${detail}`)
}
