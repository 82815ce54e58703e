import { REASONS, type ReasonCode } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { waitingLines } from './waiting.ts'

const linesOf = (code: ReasonCode) => waitingLines({ why: { code, sentence: REASONS[code].sentence, remedy: REASONS[code].remedy } })

it('a job that goes on waits for nothing', () => {
  expect([linesOf('job_running'), linesOf('trying')]).toEqual([[], []])
})

it('one machine is told at once what its job waits for, and what to write', () => {
  expect(linesOf('too_few_independent').join('\n')).toMatch(
    /^It waits: Too few independent volunteers .*\n.*quorum: 2, independence: host .*executor/
  )
})
