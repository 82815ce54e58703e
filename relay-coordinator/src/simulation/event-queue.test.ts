import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EventQueue } from './event-queue.ts'

it('gives events in the order of their time, and those of one time in the order in which they were planned', () => {
  const seed = Date.now() % 2 ** 31
  console.log(`seed ${seed}`)
  const step = fc.oneof(fc.nat(20), fc.constant(null))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new EventQueue<number>()
      const model: { at: number; event: number }[] = []
      steps.forEach((at, event) => {
        if (at === null) {
          model.sort((a, b) => a.at - b.at || a.event - b.event)
          expect(queue.next()).toEqual(model.length === 0 ? undefined : expect.objectContaining(model.shift()))
          return
        }
        queue.plan(at, event)
        model.push({ at, event })
      })
    }),
    { seed, numRuns: 300 }
  )
})
