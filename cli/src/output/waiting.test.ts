import { REASONS, type ReasonCode, type Why } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { waitingLines } from './waiting.ts'

function linesOf(code: ReasonCode, facts: Why['facts'] = {}): readonly string[] {
  const { sentence, remedy } = REASONS[code]
  return waitingLines({ code, sentence, remedy, facts })
}

it('a job that goes on waits for nothing', () => {
  expect([linesOf('job_running'), linesOf('trying')]).toEqual([[], []])
})

it('one machine is told at once what its job waits for, and what to write', () => {
  const [why, remedy] = linesOf('too_few_independent', { voices: 1, wanted: 5 })
  expect(why).toMatch(/^It waits: Too few independent volunteers .* There are 1 of the 5 that a unit needs at present\.$/)
  expect(remedy).toMatch(/quorum: 2, independence: host .*independence: executor/)
  expect(linesOf('no_volunteers')).toEqual(['It waits: No volunteer is connected.', REASONS.no_volunteers.remedy])
})
