/** Each job for itself: its rows, votes, counters, audit log and ledger. */
import { leastResults, sha256Hex, type ContentHash, type Independence, type ResultRow } from '@peercompute/job-specs'
import { settledUnits } from '@peercompute/ledger'
import type { JobEvidence } from './evidence.ts'
import type { BrokenPromise, Violation } from './violation.ts'

type Vote = ResultRow['votes'][number]

/** 200 credits are a day of one GFLOP/s (BOINC's cobblestone); in millionths, at least one. */
const OPERATIONS_PER_MICRO_CREDIT = 432_000

/** Written down anew: a checker that asks the program for its formula finds nothing wrong with it. */
export function unitMicroCredits({ detail }: JobEvidence): number {
  return Math.max(1, Math.round(detail.spec.unitOperations / OPERATIONS_PER_MICRO_CREDIT))
}

export function validVotes(row: ResultRow): readonly Vote[] {
  return row.votes.filter(({ verdict }) => verdict !== 'rejected')
}

export function checkSettlements(job: JobEvidence): readonly Violation[] {
  const { detail, rows, errored } = job
  const found: Violation[] = []
  const broken = (promise: BrokenPromise, what: string): void => {
    found.push({ promise, what: `job ${detail.id.slice(0, 8)}: ${what}` })
  }
  const settled = new Map<number, ResultRow>()
  for (const row of rows) {
    if (settled.has(row.unit)) broken('settled-twice', `unit ${row.unit} has two rows`)
    settled.set(row.unit, row)
    checkQuorum(row, leastResults(detail.verification), detail.independence, broken)
  }
  for (const unit of errored) if (settled.has(unit)) broken('settled-and-errored', `unit ${unit} is both`)
  for (const { unit } of job.waiting)
    if (settled.has(unit)) broken('settled-twice', `unit ${unit} is settled and still has a waiting result`)
  checkCounters(job, broken)
  checkAudit(job, broken)
  checkTold(job, settled, broken)
  return found
}

type Broken = (promise: BrokenPromise, what: string) => void

function checkQuorum(row: ResultRow, quorum: number, level: Independence, broken: Broken): void {
  const votes = validVotes(row)
  if (row.independence !== level) broken('quorum-unmet', `unit ${row.unit} is said to be settled by independent ${row.independence}s`)
  if (votes.length < quorum) broken('quorum-unmet', `unit ${row.unit} has ${votes.length} of ${quorum} votes`)
  if (row.votes.filter(({ verdict }) => verdict === 'canonical').length !== 1)
    broken('quorum-unmet', `unit ${row.unit} has no one canonical vote`)
  votes.forEach((vote, index) => {
    if (votes.slice(0, index).some((other) => shareWhatTheyMustNot(vote, other, level)))
      broken('quorum-unmet', `unit ${row.unit} counts host ${vote.host.slice(0, 8)} twice`)
  })
}

/** Rows do not tell the subnet: there the weaker demand is checked. */
function shareWhatTheyMustNot(a: Vote, b: Vote, level: Independence): boolean {
  if (level === 'executor') return a.host === b.host && a.executor === b.executor
  return a.host === b.host || (level !== 'host' && a.account === b.account)
}

function checkCounters({ detail, rows, errored }: JobEvidence, broken: Broken): void {
  const { units, unitCount, state, spec, reduced } = detail
  if (units.validated !== rows.length + (detail.notHeld ?? 0))
    broken('counter-differs', `${units.validated} validated, ${rows.length} rows`)
  if (units.errored !== errored.length) broken('counter-differs', `${units.errored} errored, ${errored.length} rows of errors`)
  const all = units.waiting + units.inProgress + units.validating + units.validated + units.errored
  if (all !== unitCount) broken('counter-differs', `the states of the units add up to ${all} of ${unitCount}`)
  const over = rows.length + errored.length === unitCount
  if ((state === 'completed') !== (over && errored.length === 0))
    broken('counter-differs', `it is ${state} with ${rows.length} of ${unitCount} units`)
  if (detail.notHeld !== undefined || reduced.kind !== 'sum' || spec.reduce.kind !== 'sum') return
  const { output } = spec.reduce
  const sum = rows.reduce((total, { values }) => (values[output] ?? []).reduce<bigint>((part, value) => part + BigInt(value), total), 0n)
  if (reduced.sum !== String(sum)) broken('counter-differs', `its sum is ${reduced.sum}, its rows add up to ${sum}`)
}

function checkAudit(job: JobEvidence, broken: Broken): void {
  const audited = new Set<number>()
  for (const [start, count] of job.audited.flatMap(({ units }) => units)) {
    for (let unit = start; unit < start + count; unit++) {
      if (audited.has(unit)) broken('settled-twice', `the log settles unit ${unit} twice`)
      audited.add(unit)
    }
  }
  if (audited.size !== job.rows.length || !job.rows.every(({ unit }) => audited.has(unit)))
    broken('audit-differs', `the log tells of ${audited.size} settled units, there are ${job.rows.length}`)
  const paid = job.audited.reduce((sum, { microCredits }) => sum + microCredits, 0)
  const earned = job.rows.reduce((sum, row) => sum + validVotes(row).length * unitMicroCredits(job), 0)
  if (paid !== earned) broken('audit-differs', `the log tells of ${paid} microcredits, the votes of ${earned}`)
}

function checkTold({ rows, told }: JobEvidence, settled: ReadonlyMap<number, ResultRow>, broken: Broken): void {
  for (const { start, count, digest } of told) {
    const digests: ContentHash[] = []
    for (let unit = start; unit < start + count; unit++) {
      const row = settled.get(unit)
      if (row !== undefined) digests.push(row.digest)
    }
    if (digests.length !== count) broken('ledger-ahead', `the ledger settles ${start} + ${count}, the store has ${digests.length} of them`)
    else if (sha256Hex(Buffer.from(digests.join(''), 'hex')) !== digest)
      broken('ledger-ahead', `the digest of ${start} + ${count} is another`)
  }
  const units = settledUnits(told)
  if (units < rows.length) broken('ledger-behind', `the ledger tells of ${units} of ${rows.length} units`)
}
