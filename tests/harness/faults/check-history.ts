/** The judge, after the faults, in the manner of Jepsen: has the coordinator kept what it promised to anybody? */
import type { AccountId } from '@peercompute/job-specs'
import { checkAcknowledged } from './check-acknowledged.ts'
import { checkSettlements, unitMicroCredits, validVotes } from './check-settlements.ts'
import type { Evidence } from './evidence.ts'
import type { Operation } from './history.ts'
import type { BrokenPromise, Violation } from './violation.ts'

/** All broken promises; none when the run was right. Of a coordinator whose ledger has caught up. */
export function checkHistory(history: readonly Operation[], evidence: Evidence): readonly Violation[] {
  return [
    ...(evidence.integrity === 'ok' ? [] : [{ promise: 'database-damaged' as const, what: evidence.integrity }]),
    ...(evidence.brokenEntry === null
      ? []
      : [{ promise: 'audit-differs' as const, what: `entry ${evidence.brokenEntry} does not follow` }]),
    ...checkAcknowledged(history, evidence),
    ...[...evidence.jobs.values()].flatMap(checkSettlements),
    ...checkTotals(evidence)
  ]
}

/** Credit and counters of accounts and hosts, counted from the votes. */
function checkTotals({ jobs, hosts, credit, toldCredit }: Evidence): readonly Violation[] {
  const found: Violation[] = []
  const expect = (promise: BrokenPromise, who: string, told: number, counted: number): void => {
    if (told !== counted) found.push({ promise, what: `${who}: ${told} is told, ${counted} is counted` })
  }
  const earned = new Map<AccountId, number>()
  const done = new Map<string, { validated: number; rejected: number; microCredits: number }>()
  for (const job of jobs.values()) {
    const each = unitMicroCredits(job)
    for (const row of job.rows) {
      for (const { account } of validVotes(row)) earned.set(account, (earned.get(account) ?? 0) + each)
      for (const { host, verdict } of row.votes) {
        const sum = done.get(host) ?? { validated: 0, rejected: 0, microCredits: 0 }
        if (verdict === 'rejected') sum.rejected += 1
        else {
          sum.validated += 1
          sum.microCredits += each
        }
        done.set(host, sum)
      }
    }
  }
  for (const account of new Set([...earned.keys(), ...credit.keys(), ...toldCredit.keys()])) {
    expect('credit-differs', `account ${account.slice(0, 8)}`, credit.get(account) ?? 0, earned.get(account) ?? 0)
    expect('credit-differs', `account ${account.slice(0, 8)} in the ledger`, toldCredit.get(account) ?? 0, earned.get(account) ?? 0)
  }
  const reopened = [...jobs.values()].some(({ audited }) => audited.some(({ kind }) => kind === 'units-reopened'))
  const known = new Map(hosts.map((host) => [host.host as string, host]))
  for (const host of new Set([...done.keys(), ...known.keys()])) {
    const told = known.get(host)
    const counted = done.get(host)
    expect('counter-differs', `validated results of ${host.slice(0, 8)}`, told?.validated ?? 0, counted?.validated ?? 0)
    const rejected = [told?.rejected ?? 0, counted?.rejected ?? 0] as const
    // Votes lost in a unit that was reopened stay lost, and are in no row any more.
    if (!reopened || rejected[0] < rejected[1]) expect('counter-differs', `rejected results of ${host.slice(0, 8)}`, ...rejected)
    expect('credit-differs', `host ${host.slice(0, 8)}`, told?.microCredits ?? 0, counted?.microCredits ?? 0)
  }
  return found
}
