/** Messages that come again and in any order (R6 of the fault tests), at the size of a real run. */
import { expect, it } from 'vitest'
import { asProven, connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { essence, indexes } from '../testing/model-checks.ts'
import {
  decideAsk,
  decideConnect,
  decideReport,
  decideSubmit,
  DEFAULT_POLICY,
  emptyState,
  evolve,
  type CoordinatorState,
  type Decider
} from './index.ts'

it('2 000 reports, each delivered five times in any order, leave what one delivery in order leaves', () => {
  const { job: id, signed } = unsigned(smallSpec({ unitCount: 1_000 }))
  const seed = 20_261_122
  const deliver = (shuffled: boolean): CoordinatorState => {
    const state = emptyState()
    const apply = <C, A>(decider: Decider<C, A>, command: C): A => {
      const decision = decider(state, command, { now: 1_000, random: () => 0, policy: DEFAULT_POLICY })
      if (!decision.ok) throw new Error(decision.detail)
      for (const event of decision.events) evolve(state, event)
      return decision.answer
    }
    apply(decideSubmit, { type: 'submit', job: id, signed, custodial: false, missingBlobs: [], held: false })
    const messages = ['a', 'b'].flatMap((name) => {
      const each = connectedHost(name)
      apply(decideConnect, { type: 'connect', host: each })
      asProven(state, each.host)
      const leases = Array.from({ length: 20 }, () =>
        apply(decideAsk, { type: 'ask', host: each.host, executor: 'js', units: 50, seconds: 0 })
      ).flatMap(({ leases }) => leases)
      return leases.flatMap((of) =>
        Array.from({ length: of.count }, (_, i) => reportOf(each.host, of, [{ unit: of.start + i, value: u32(of.start + i) }]))
      )
    })
    expect(messages).toHaveLength(2_000)
    const copies = shuffled ? messages.flatMap((message) => Array.from({ length: 5 }, () => message)) : messages
    let draw = seed
    const order = copies.map((message) => ({ message, at: shuffled ? (draw = (draw * 48_271) % 2_147_483_647) : 0 }))
    for (const { message } of order.sort((a, b) => a.at - b.at)) apply(decideReport, { type: 'report', ...message })
    return state
  }
  const [once, often] = [deliver(false), deliver(true)]
  expect(once.jobs.get(id)?.state, `seed ${seed}`).toBe('completed')
  expect(essence(often), `seed ${seed}`).toEqual(essence(once))
  expect(indexes(often), `seed ${seed}`).toEqual(indexes(once))
})
