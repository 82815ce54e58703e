/** `ledger show | export | verify`: the signed record, from the peers that hold it or from a file. */
import { rename, rm, writeFile } from 'node:fs/promises'
import { PeerComputeError, rootIdSchema, shortId, type RootId } from '@peercompute/job-specs'
import {
  createFold,
  exportLedger,
  followLedger,
  settledUnits,
  verifyLedgerFile,
  type LedgerJob,
  type LedgerState
} from '@peercompute/ledger'
import { json, type Context } from '../context.ts'
import { readLedgerFile, replicaOfFile, replicaOfPeers, unreadable, type PeerOptions, type Replica } from '../network/replica.ts'
import { bytes as size, count, moment, percent } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { table } from '../output/table.ts'
import type { Terminal } from '../output/terminal.ts'

export interface LedgerOptions extends Omit<PeerOptions, 'root'> {
  readonly root?: string
}
export interface LedgerFileOptions extends LedgerOptions {
  readonly live?: true
}
export interface LedgerShowOptions extends LedgerOptions {
  readonly job?: string
  readonly feed?: string
  readonly file?: string
}

function rootOf({ root }: LedgerOptions): RootId | undefined {
  if (root === undefined) return undefined
  const parsed = rootIdSchema.safeParse(root)
  if (!parsed.success) throw new PeerComputeError('CONFIG_INVALID', `--root "${root}" is not a root key: 43 letters, digits, - and _`)
  return parsed.data
}

function peerOptions(options: LedgerOptions): PeerOptions {
  const { root: _text, ...rest } = options
  const root = rootOf(options)
  return { ...rest, ...(root === undefined ? {} : { root }) }
}

export async function exportToFile(context: Context, file: string, options: LedgerOptions): Promise<void> {
  await using replica = await replicaOfPeers(context, peerOptions(options))
  const bytes = exportLedger(replica.ledger)
  const temporary = `${file}.part`
  try {
    await writeFile(temporary, bytes)
    await rename(temporary, file)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw new PeerComputeError('CONFIG_INVALID', `${file}: ${cause instanceof Error ? cause.message : 'it cannot be written'}`, { cause })
  }
  const { feeds, records } = extent(replica)
  if (options.json) await context.terminal.data(json({ file, bytes: bytes.length, feeds, records, root: replica.root }))
  else
    context.terminal.talk(
      `${count(records)} records in ${count(feeds)} feeds, ${size(bytes.length)}, in ${file}. Check it anywhere: peercompute ledger verify ${file}`
    )
}

export async function verifyLedger(context: Context, file: string | undefined, options: LedgerFileOptions): Promise<void> {
  if ((file === undefined) !== (options.live === true)) throw new PeerComputeError('CONFIG_INVALID', 'Name a file, or pass --live')
  const { terminal } = context
  let refusedLive: Readonly<Record<string, number>> = {}
  let bytes: Uint8Array
  if (file === undefined) {
    await using replica = await replicaOfPeers(context, peerOptions(options))
    bytes = exportLedger(replica.ledger)
    refusedLive = replica.refused()
  } else bytes = await readLedgerFile(file)
  const report = await verifyLedgerFile(bytes, rootOf(options)).catch(unreadable(file ?? 'what the peers sent'))
  const fromPeers = Object.entries(refusedLive).filter(([reason]) => reason !== 'stale' && reason !== 'gap')
  const holds = report.refused.length === 0 && report.forks.length === 0 && report.wanted === null && fromPeers.length === 0
  if (options.json) await terminal.data(json({ holds, ...report, refusedFromPeers: Object.fromEntries(fromPeers) }))
  else {
    const checkpoint =
      report.checkpoint === null
        ? 'none'
        : `holds: ${report.checkpoint.sha256.slice(0, 16)}…, ${size(report.checkpoint.bytes)}, feed epoch ${report.checkpoint.feed.epoch}`
    const lines: readonly (readonly [string, string])[] = [
      ['root', report.root ?? 'not known: no coordinator, or several; pass --root'],
      ['records', `${count(report.records)} in ${count(report.feeds)} feeds: signature, chain and place of each hold`],
      ['checkpoint', report.wanted === null ? checkpoint : `the snapshot ${report.wanted.sha256.slice(0, 16)}… is missing`],
      ['jobs', count(report.jobs)],
      ['state', report.stateHash ?? 'not known without a root'],
      ...report.forks.map(({ feed, seq }): readonly [string, string] => [
        'fork',
        `${feed.author} signed two records for place ${seq} of epoch ${feed.epoch}; what stands before it is good`
      ]),
      ...report.refused.map(({ feed, refusal }): readonly [string, string] => [
        'refused',
        `${feed === null ? 'snapshot' : `feed ${feed.author}, epoch ${feed.epoch}`}: ${refusal}`
      ]),
      ...fromPeers.map(([reason, updates]): readonly [string, string] => ['refused', `${count(updates)} updates of peers: ${reason}`])
    ]
    await terminal.data(lines.map(([name, value]) => `${name.padEnd(12)} ${printable(value)}\n`).join(''))
  }
  if (holds) {
    if (!options.json) terminal.talk(terminal.style('green', 'Everything holds.'))
    return
  }
  const parts = [
    ...(report.refused.length + fromPeers.length > 0 ? [`${report.refused.length + fromPeers.length} parts were refused`] : []),
    ...(report.forks.length > 0 ? [`${report.forks.length} feeds are forked by their authors`] : []),
    ...(report.wanted === null ? [] : ['the snapshot of the newest checkpoint is missing'])
  ]
  throw new PeerComputeError('LEDGER_INVALID', parts.join('; '))
}

export async function showLedger(context: Context, options: LedgerShowOptions): Promise<void> {
  await using replica =
    options.file === undefined ? await replicaOfPeers(context, peerOptions(options)) : await replicaOfFile(options.file, rootOf(options))
  if (options.feed === undefined) await showState(context, replica, options)
  else await showFeed(context, replica, options.feed, options.json === true)
}

async function showState({ terminal }: Context, replica: Replica, options: LedgerShowOptions): Promise<void> {
  const state = stateOf(replica)
  if (options.job !== undefined) return showJob(terminal, jobCalled(state, options.job), options.json === true)
  const { feeds, records } = extent(replica)
  const jobs = [...state.jobs.values()]
  if (options.json) {
    const { retired } = state
    return terminal.data(
      json({
        root: replica.root,
        records,
        feeds: replica.ledger.heads(),
        retired,
        jobs: jobs.map(jobFacts),
        credit: Object.fromEntries(state.credit)
      })
    )
  }
  const rows = jobs.map((job) => {
    const { name, state: now, units, settled } = jobFacts(job)
    return [shortId(job.id), printable(name), now, percent(settled, units), count(settled), count(units)]
  })
  if (rows.length > 0) await terminal.data(table(['JOB', 'NAME', 'STATE', 'SETTLED', 'UNITS', 'OF'], rows, [3, 4, 5]))
  const retired = state.retired.jobs === 0 ? '' : `, ${count(state.retired.jobs)} older ones retired`
  terminal.talk(
    `${count(jobs.length)} ${jobs.length === 1 ? 'job' : 'jobs'}${retired}; ${count(records)} records in ${count(feeds)} feeds; root ${replica.root ?? 'not known'}`
  )
}

function stateOf({ ledger, root }: Replica): LedgerState {
  if (root === null) throw new PeerComputeError('CONFIG_INVALID', 'The ledger names no coordinator, or several: pass --root')
  const fold = createFold(root)
  followLedger(ledger, fold)()
  return fold.state()
}

function extent({ ledger }: Replica): { readonly feeds: number; readonly records: number } {
  const heads = ledger.heads()
  return { feeds: heads.length, records: heads.reduce((sum, { length }) => sum + length, 0) }
}

function jobFacts(job: LedgerJob) {
  const { spec, author } = job.signed
  const state = job.ended?.state ?? (job.cancelled ? 'cancelled' : job.admitted ? 'running' : 'published')
  return {
    id: job.id,
    name: spec.name,
    title: spec.title,
    author,
    state,
    units: spec.unitCount,
    settled: settledUnits(job.settled),
    custodial: job.custodial
  }
}

function jobCalled(state: LedgerState, reference: string): LedgerJob {
  const found = [...state.jobs.values()].filter(
    ({ id, signed }) => id === reference || id.startsWith(reference) || signed.spec.name === reference
  )
  const [job] = found
  if (job === undefined) throw new PeerComputeError('JOB_NOT_FOUND', `the ledger holds no job "${reference}"`)
  if (found.length > 1 && found.some(({ id }) => id !== reference))
    throw new PeerComputeError('REQUEST_INVALID', `"${reference}" may be any of ${found.map(({ id }) => shortId(id)).join(', ')}`)
  return job
}

async function showJob(terminal: Terminal, job: LedgerJob, asJson: boolean): Promise<void> {
  const facts = jobFacts(job)
  if (asJson) return terminal.data(json({ ...facts, ended: job.ended, ranges: job.settled, signed: job.signed }))
  const lines: readonly (readonly [string, string])[] = [
    ['job', job.id],
    ['title', `${printable(facts.title)} (${printable(facts.name)})`],
    ['author', `${facts.author}${job.custodial ? ' (custodial: a token stood for the author)' : ''}`],
    ['state', facts.state],
    ['settled', `${count(facts.settled)} of ${count(facts.units)} units, in ${count(job.settled.length)} signed ranges`],
    ['root', job.ended?.root ?? 'known when the job has ended']
  ]
  await terminal.data(lines.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join(''))
  if (job.settled.length > 0)
    await terminal.data(
      table(
        ['FROM', 'UNITS', 'INDEPENDENT', 'DIGEST'],
        job.settled.map((range) => [count(range.start), count(range.count), range.independence, `${range.digest.slice(0, 16)}…`]),
        [0, 1]
      )
    )
}

async function showFeed({ terminal }: Context, { ledger }: Replica, reference: string, asJson: boolean): Promise<void> {
  const heads = ledger.heads().filter(({ author }) => author.startsWith(reference))
  const authors = new Set(heads.map(({ author }) => author))
  if (authors.size === 0) throw new PeerComputeError('LEDGER_FEED_NOT_FOUND', `nobody whose key begins with "${reference}" writes in it`)
  if (authors.size > 1) throw new PeerComputeError('REQUEST_INVALID', `"${reference}" may be any of ${[...authors].join(', ')}`)
  const records = heads.sort((a, b) => a.epoch - b.epoch).flatMap((head) => ledger.entries(head).map(({ record }) => record))
  if (asJson) return terminal.data(json({ author: [...authors][0], records }))
  const rows = records.map(({ epoch, seq, type, ts }) => [String(epoch), String(seq), printable(type), moment(ts)])
  await terminal.data(table(['EPOCH', 'PLACE', 'TYPE', 'AUTHOR’S CLOCK'], rows, [0, 1]))
}
