import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fieldTable, jobFileJsonSchema, parseJobFile } from '@peercompute/job-specs/job-file'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const guide = readFileSync(join(root, 'docs', 'guides', 'job-file.md'), 'utf8')

test('job.schema.json is current (otherwise run: node scripts/job-schema.mjs)', () => {
  expect(JSON.parse(readFileSync(join(root, 'job-specs', 'job.schema.json'), 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(jobFileJsonSchema()))
  )
})

test('the guide lists every field (otherwise run: node scripts/job-schema.mjs)', () => {
  expect(guide).toContain(fieldTable(jobFileJsonSchema()))
})

test('the examples of the guide are good job files', () => {
  const examples = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '')
  expect(examples.length).toBeGreaterThanOrEqual(2)
  for (const example of examples) expect(parseJobFile(example)).toMatchObject({ ok: true })
})
