import type { CreditFinding } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { memoryAudit } from '../access/memory-audit.ts'
import { createMemoryStore, type CoordinatorStore } from '../core/index.ts'
import type { Coordinator, Settlement } from '../coordinator.ts'
import { createCoordinator } from '../engine/coordinator.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { AUDIT_INTERVAL_MS, auditCredit, auditDaily, FIRST_AUDIT_MS } from './credit-audit.ts'

const soon = () => new Promise<void>((resolve) => setImmediate(resolve))

class Books {
  now = 1_000
  readonly audit = memoryAudit()
  readonly findings: CreditFinding[] = []
  readonly faults: unknown[] = []
  readonly coordinator: Coordinator
  pause: (ms: number) => Promise<void> = soon

  constructor(store: CoordinatorStore = createMemoryStore()) {
    this.coordinator = createCoordinator({
      store,
      now: () => this.now,
      random: () => 0.5,
      hasBlob: () => Promise.resolve(true)
    })
  }

  init(overrides: Partial<Pick<Coordinator, 'onSettlement' | 'creditBooks'>> = {}) {
    return {
      coordinator: { ...this.coordinator, ...overrides },
      audit: this.audit,
      now: () => this.now,
      pause: (ms: number) => this.pause(ms),
      onFinding: (finding: CreditFinding) => this.findings.push(finding),
      onFault: (error: unknown) => this.faults.push(error)
    }
  }

  async settle(revision: number, unitCount = 4): Promise<void> {
    const { signed } = unsigned(smallSpec({ revision, unitCount }))
    await this.coordinator.submit(signed, false)
    for (let round = 0; round < 2 * unitCount; round++)
      for (const name of ['a', 'b']) {
        const host = connectedHost(name)
        await this.coordinator.hostConnected(host)
        for (const lease of (await this.coordinator.ask(host.host, { executor: 'js', units: 8, seconds: 0 })).leases) {
          const units = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
          const { report, values } = reportOf(host.host, lease, units)
          await this.coordinator.report(report, Buffer.concat(values))
        }
      }
  }

  kinds(): string[] {
    return this.audit.auditEntries(1, 100).map(({ kind }) => kind)
  }
}

it('finds that the books are right, whatever was carried over from a ledger', async () => {
  const books = new Books()
  await books.settle(1)
  await books.settle(2, 30)
  await books.coordinator.restoreCredit(new Map([[connectedHost('a').account, 1_000]]))
  books.now++
  const finding = await auditCredit(books.init())
  expect(finding).toEqual({ at: 1_001, microCredits: 1_034, settled: 68, carried: 966, units: 34, difference: 0 })
  expect(books.findings).toEqual([finding])
  expect(books.audit.auditEntries(1, 10)).toMatchObject([{ kind: 'credit-audited', body: finding }])
  await books.coordinator.close()
})

it('tells of credit that no settled unit accounts for, and corrects nothing', async () => {
  const store = createMemoryStore()
  let lost = 0
  const books = new Books({
    ...store,
    settledUnits: (job, from, limit) => store.settledUnits(job, from, limit).filter(({ unit }) => unit >= lost)
  })
  await books.settle(1)
  books.now++
  lost = 1
  expect(await auditCredit(books.init())).toMatchObject({ microCredits: 8, settled: 6, units: 3, difference: 2 })
  expect(books.kinds()).toEqual(['credit-differs'])
  expect([...books.coordinator.credit().values()]).toEqual([4, 4])
  lost = 0
  expect(await auditCredit(books.init())).toMatchObject({ difference: 0 })
  await books.coordinator.close()
})

it('work that goes on meanwhile, also in the same millisecond, is no difference', async () => {
  const books = new Books()
  await books.settle(1)
  let times = 0
  books.pause = async () => {
    await soon()
    if (times++ < 3) await books.settle(10 + times)
  }
  expect(await auditCredit(books.init())).toMatchObject({ microCredits: 8, settled: 8, difference: 0 })
  expect([...books.coordinator.credit().values()]).toEqual([12, 12])
  await books.coordinator.close()
})

it('begins again when units were reopened meanwhile, and says nothing when they always were', async () => {
  const books = new Books()
  await books.settle(1)
  books.now++
  const reopening = (times: number) => {
    let told = 0
    return {
      onSettlement: (listener: (settlement: Settlement) => void) => {
        books.pause = async () => {
          await soon()
          const [job] = books.coordinator.creditBooks().jobs
          if (job !== undefined && told++ < times) listener({ kind: 'reopened', job: job.job, ranges: [[0, 1]] })
        }
        return () => undefined
      }
    }
  }
  expect(await auditCredit(books.init(reopening(1)))).toMatchObject({ difference: 0 })
  expect(await auditCredit(books.init(reopening(99)))).toBeNull()
  expect(books.kinds()).toEqual(['credit-audited'])
  await books.coordinator.close()
})

it('audits a while after the start and then once a day, until it is to end', async () => {
  const books = new Books()
  await books.settle(1)
  const waits: number[] = []
  books.pause = async (ms) => {
    if (ms < FIRST_AUDIT_MS) return soon()
    waits.push(ms)
    if (waits.length > 3) throw new DOMException('The operation was aborted', 'AbortError')
  }
  await auditDaily(books.init())
  expect(waits).toEqual([FIRST_AUDIT_MS, AUDIT_INTERVAL_MS, AUDIT_INTERVAL_MS, AUDIT_INTERVAL_MS])
  expect([books.findings.length, books.faults]).toEqual([3, []])
  await books.coordinator.close()
})
