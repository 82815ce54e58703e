import { ERRORS } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { tooOld } from './too-old.mjs'

it('an old Node hears what the catalogue says', () => {
  const said = tooOld('20.20.2')
  expect(said).toContain(ERRORS.RUNTIME_TOO_OLD.title)
  expect(said).toContain(ERRORS.RUNTIME_TOO_OLD.remedy)
})

it('this Node hears nothing', () => {
  expect(tooOld(process.versions.node)).toBeNull()
})
