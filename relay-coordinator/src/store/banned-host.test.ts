/** Whoever is banned has no part in anything any more, also after a restart. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  createMemoryStore,
  decideAsk,
  decideConnect,
  decideReport,
  decideSubmit,
  emptyState,
  evolve,
  type CoordinatorEvent,
  type Decider
} from '../core/index.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { POLICY } from '../testing/model-steps.ts'
import { openSqliteStore } from './sqlite-store.ts'

it.each(['memory', 'sqlite'] as const)('the %s store forgets what a banned host had reported and was late with', (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'peercompute-banned-'))
  const store = kind === 'memory' ? createMemoryStore() : openSqliteStore(join(folder, 'store.db'))
  try {
    const state = emptyState()
    const commit = (events: readonly CoordinatorEvent[]) => {
      for (const event of events) evolve(state, event)
      store.commit(events, state)
    }
    const run = <C, A>(decider: Decider<C, A>, command: C): A => {
      const decision = decider(state, command, { now: 1_000, random: () => 0, policy: POLICY })
      if (!decision.ok) throw new Error(decision.detail)
      commit(decision.events)
      return decision.answer
    }
    const { job, signed } = unsigned(smallSpec({ unitCount: 12, verification: { quorum: 2 } }))
    run(decideSubmit, { type: 'submit', job, signed, custodial: false, missingBlobs: [], held: false })
    const [liar, other] = [connectedHost('liar'), connectedHost('other', { subnet: '10.9.9.0/24' })]
    for (const [answer, host] of [liar, other].entries()) {
      run(decideConnect, { type: 'connect', host })
      const [lease] = run(decideAsk, { type: 'ask', host: host.host, executor: 'js', units: 4, seconds: 0 }).leases
      if (lease === undefined) throw new Error('There is no work')
      const values = [{ unit: lease.start, value: u32(answer) }]
      run(decideReport, { type: 'report', ...reportOf(host.host, lease, values) })
      commit([{ type: 'lease-over', job, epoch: lease.epoch, cause: 'expired' }])
    }
    expect(new Set(store.load().results.map(({ result }) => result.holder.host))).toEqual(new Set([liar.host, other.host]))
    commit([{ type: 'host-banned', host: liar.host, cause: 'errors', at: 2_000 }])
    const { results, leases } = store.load()
    expect(results.map(({ result }) => result.holder.host)).toEqual([other.host])
    expect(leases.map(({ holder }) => holder.host)).toEqual([other.host])
  } finally {
    store.close()
    rmSync(folder, { recursive: true })
  }
})
