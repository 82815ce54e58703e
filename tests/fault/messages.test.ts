import { expect, it } from 'vitest'
import { hoursOffline } from '../harness/faults/hours-offline.ts'
import { repeatedMessages } from '../harness/faults/repeated-messages.ts'
import { wrongClocks } from '../harness/faults/wrong-clocks.ts'
import { testSeed } from '../harness/seeded-random.ts'

it('R5: fifty results that come after six hours offline are stored once; what others settled meanwhile is late', async () => {
  const results = 50
  const record = await hoursOffline({ seed: testSeed('offline'), hours: 6, results })
  expect(record.violations).toEqual([])
  expect(record.settledMeanwhile).toBeLessThan(results)
  // When the job has ended by then, they are told that instead.
  expect((record.answers.get('late') ?? 0) + (record.answers.get('job_closed') ?? 0)).toBe(record.settledMeanwhile)
  expect(record.answers.get('accepted')).toBe(results)
})

it('R6: each message five times, shuffled, over HTTP and over streams: the state is that of single delivery', async () => {
  const record = await repeatedMessages({ seed: testSeed('messages'), hosts: 30, reportsEach: 8, times: 5 })
  process.stdout.write(`${record.messages} messages\n`)
  expect(record.violations).toEqual([])
  expect(record.repeated).toEqual(record.single)
  expect(record.single).toMatchObject({ state: 'completed', executionsPerUnit: 2 })
})

it('R7: clocks of volunteers from a day behind to a year ahead change no decision', async () => {
  const record = await wrongClocks({ seed: testSeed('clocks'), units: 200 })
  expect(record.violations).toEqual([])
  expect(record.wrong).toEqual(record.right)
  expect(record.wrong).toMatchObject({ state: 'completed', validated: 200, executionsPerUnit: 2, answers: ['accepted'] })
})
