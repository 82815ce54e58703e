/** Each job for itself: its rows, votes, counters, audit log and ledger. */
import { leastResults, sha256Hex, type ContentHash, type Independence, type ResultRow } from '@peercompute/job-specs'
import { settledUnits } from '@peercompute/ledger'
import type { JobEvidence } from './evidence.ts'
import type { BrokenPromise, Violation } from './violation.ts'

type Vote = ResultRow['votes'][number]

/** 200 credits are a day of one GFLOP/s (BOINC's cobblestone); in millionths, at least one. */
const OPERATIONS_PER_MICRO_CREDIT = 432_000
/** Settled units after which a job's price is fixed, between half and twice of what the researcher says. */
const PRICED_AFTER = 20
const PRICE_FACTORS = { least: 0.5, most: 2 }

/** Written down anew: a checker that asks the program for its formula finds nothing wrong with it. */
export function declaredMicroCredits({ detail }: JobEvidence, factor = 1): number {
  return Math.max(1, Math.round((detail.spec.unitOperations * factor) / OPERATIONS_PER_MICRO_CREDIT))
}

/** What each agreeing result is worth: as declared, until the audit log tells of another price. */
export function unitMicroCredits(job: JobEvidence): number {
  const [price] = job.audited.flatMap((entry) => (entry.kind === 'job-priced' ? [entry.microCredits] : []))
  return price ?? declaredMicroCredits(job)
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

/** The log, played from its beginning. */
function checkAudit(job: JobEvidence, broken: Broken): void {
  const settled = new Set<number>()
  const paid = new Map<string, number>()
  const pay = (account: string, microCredits: number): void => {
    paid.set(account, (paid.get(account) ?? 0) + microCredits)
  }
  let price = declaredMicroCredits(job)
  for (const entry of job.audited) {
    if (entry.kind === 'job-priced') {
      for (const [account, results] of Object.entries(entry.results)) pay(account, results * (entry.microCredits - price))
      price = entry.microCredits
      continue
    }
    for (const [account, microCredits] of Object.entries(entry.credit)) pay(account, microCredits)
    for (const [start, count] of entry.units) {
      for (let unit = start; unit < start + count; unit++) {
        if (entry.kind === 'units-reopened') {
          if (!settled.delete(unit)) broken('audit-differs', `the log reopens unit ${unit}, which it has not settled`)
        } else if (settled.has(unit)) broken('settled-twice', `the log settles unit ${unit} twice`)
        else settled.add(unit)
      }
    }
  }
  checkPrice(job, price, broken)
  if (settled.size !== job.rows.length || !job.rows.every(({ unit }) => settled.has(unit)))
    broken('audit-differs', `the log tells of ${settled.size} settled units, there are ${job.rows.length}`)
  const earned = new Map<string, number>()
  for (const row of job.rows) for (const { account } of validVotes(row)) earned.set(account, (earned.get(account) ?? 0) + price)
  for (const account of new Set([...paid.keys(), ...earned.keys()])) {
    const [told, counted] = [paid.get(account) ?? 0, earned.get(account) ?? 0]
    if (told !== counted)
      broken('audit-differs', `account ${account.slice(0, 8)}: the log tells of ${told} microcredits, the votes of ${counted}`)
  }
}

function checkPrice(job: JobEvidence, audited: number, broken: Broken): void {
  const priced = job.audited.filter(({ kind }) => kind === 'job-priced').length
  if (priced > 1) broken('price-differs', `its price was fixed ${priced} times`)
  if (priced === 0 && job.rows.length >= PRICED_AFTER) broken('price-differs', `its price was not fixed after ${job.rows.length} units`)
  if (job.price !== audited) broken('price-differs', `the store has the price ${job.price}, the log ${audited}`)
  const [least, most] = [PRICE_FACTORS.least, PRICE_FACTORS.most].map((factor) => declaredMicroCredits(job, factor))
  if (least !== undefined && most !== undefined && (audited < least || audited > most))
    broken('price-differs', `its price is ${audited}, which is not between ${least} and ${most}`)
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
