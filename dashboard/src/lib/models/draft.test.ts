import { utf8 } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { jobFileDraft, readyMadeDraft } from './draft.ts'

const own = `peercompute: 1
name: doubled
kernel:
  name: doubled
  js: kernels/doubled.js
units: 4
outputs:
  - { name: value, type: u32, shape: [1] }
`

describe('a ready-made job', () => {
  const queens = {
    kernel: 'n-queens' as const,
    params: { n: 8 },
    researcher: '',
    revision: 1,
    verification: { quorum: 2, independence: 'executor' as const }
  }

  it('is complete without a byte from the author', () => {
    const draft = readyMadeDraft(queens)
    expect(draft.ok && [draft.spec.unitCount, draft.spec.verification.independence, draft.blobs.size]).toEqual([64, 'executor', 0])
  })

  it('names the parameter that is out of range', () => {
    const draft = readyMadeDraft({ ...queens, params: { n: 99 } })
    expect(draft.ok ? [] : draft.problems.map((problem) => problem.path)).toEqual(['params.n'])
  })
})

describe('a job file', () => {
  it('takes its programs from the files beside it, by path or by name', () => {
    const program = utf8('export default () => ({ value: new Uint32Array(1) })')
    const draft = jobFileDraft(own, new Map([['doubled.js', program]]))
    expect(draft.ok && [...draft.blobs.values()]).toEqual([program])
  })

  it('names the file that is not there, at its line', () => {
    const draft = jobFileDraft(own, new Map())
    expect(draft.ok ? [] : draft.problems).toMatchObject([{ line: 5 }])
  })

  it('names the line of a wrong parameter of a library kernel', () => {
    const draft = jobFileDraft('peercompute: 1\nname: queens\nkernel: n-queens\nparams:\n  n: 40\n', new Map())
    expect(draft.ok ? [] : draft.problems).toMatchObject([{ path: 'params.n', line: 5 }])
  })

  it('names the line of a field that nobody knows', () => {
    const draft = jobFileDraft('peercompute: 1\nname: queens\nkernel: n-queens\nquorumm: 3\n', new Map())
    expect(draft.ok ? [] : draft.problems).toMatchObject([{ line: 4 }])
  })
})
