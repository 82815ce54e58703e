import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createTestApp } from '../testing/test-app.ts'

it('docs/METRICS.md lists exactly the metrics of the registry, with type and meaning', async () => {
  await using parts = await createTestApp()
  const { body } = await parts.app.inject('/metrics')
  const help = new Map([...body.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', text = '']) => [name, text]))
  const served = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
    ([, name = '', type = '']) => `${name} | ${type} | ${help.get(name) ?? ''}`
  )
  const documented = await readFile(new URL('../../../docs/METRICS.md', import.meta.url), 'utf8')
  const listed = [...documented.matchAll(/^\| `(\S+)` \| (\S+) \| (.*) \|$/gm)].map(
    ([, name = '', type = '', text = '']) => `${name} | ${type} | ${text}`
  )
  expect(listed.sort()).toEqual(served.sort())
})

it('counts jobs, requests and blobs', async () => {
  await using parts = await createTestApp()
  await parts.app.inject('/api/v1/jobs?limit=3')
  const { body } = await parts.app.inject('/metrics')
  expect(body).toContain('peercompute_http_request_seconds_count{method="GET",route="/api/v1/jobs",status="2xx"} 1')
  expect(body).toContain('peercompute_jobs_admitted_total 0')
})
