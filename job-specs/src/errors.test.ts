import { expect, test } from 'vitest'
import { ERRORS, PeerComputeError, toProblem, type ErrorCode } from './errors.ts'

const entries = Object.entries(ERRORS) as [ErrorCode, (typeof ERRORS)[ErrorCode]][]

test.each(entries)(
  '%s has a code, a status, an exit code, a title and a remedy that can be shown',
  (code, { status, exit, title, remedy }) => {
    expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9]).toContain(exit)
    expect(title).toMatch(/^[A-Z].*[^.]$/)
    expect(remedy).toMatch(/^[A-Z]/)
  }
)

test('no two errors have the same title', () => {
  expect(new Set(entries.map(([, { title }]) => title)).size).toBe(entries.length)
})

test('an error says what is wrong, keeps its cause, and is known by its code', () => {
  const cause = new Error('inner')
  const error = new PeerComputeError('JOB_INVALID', 'quorum is 9, allowed are 1 to 8', { cause, place: { file: 'job.yaml', line: 3 } })
  expect(error.message).toBe('The job is not valid: quorum is 9, allowed are 1 to 8')
  expect(error).toMatchObject({ name: 'PeerComputeError', code: 'JOB_INVALID', cause, place: { file: 'job.yaml', line: 3 } })
  expect('cause' in new PeerComputeError('JOB_INVALID', 'x')).toBe(false)
})

test('a problem carries what RFC 9457 asks for, the code, the remedy, and the place when there is one', () => {
  expect(toProblem(new PeerComputeError('JOB_NOT_FOUND', 'no job 1234'))).toEqual({
    type: 'urn:peercompute:error:JOB_NOT_FOUND',
    title: 'There is no such job',
    status: 404,
    detail: 'no job 1234',
    code: 'JOB_NOT_FOUND',
    remedy: 'List the jobs with: peercompute list'
  })
  expect(toProblem(new PeerComputeError('JOB_INVALID', 'x', { place: { path: 'unitCount' } }))).toMatchObject({
    place: { path: 'unitCount' }
  })
})
