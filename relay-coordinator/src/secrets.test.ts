/** What a coordinator leaves on disk after a day's work: secrets are readable by its own user only, and tokens by nobody. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, signSpec } from '@peercompute/job-specs'
import { expect, it } from 'vitest'
import { serve } from './serve.ts'
import { smallSpec } from './testing/fixtures.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'

async function* files(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else yield path
  }
}

it.skipIf(process.platform === 'win32')('every file with a secret has mode 0600, its folders 0700, and no file holds a token', async () => {
  await using temporary = await temporaryFolder()
  const dataDir = join(temporary.path, 'data')
  const server = await serve({ port: 0, dataDir })
  const { token } = server.operator.tokens.create({ label: 'test', scopes: ['admin'] }, 'a test')
  const author = await generateKeyPair({ extractable: true })
  const answer = await fetch(`${server.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(await signSpec(author, smallSpec()))
  })
  expect(answer.status).toBe(201)
  expect((await fetch(`${server.url}/api/v1/audit`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  const { adminToken } = server
  if (adminToken === null) throw new Error('the first start shows the admin token')
  await server.close()

  const secret: string[] = []
  for await (const path of files(dataDir)) {
    const content = await readFile(path, 'latin1')
    expect(content.includes(token) || content.includes(adminToken), `${path} holds a token`).toBe(false)
    // Keys by their form, hashes of tokens by their place.
    if (!content.includes('PRIVATE KEY') && !path.endsWith('.sha256') && !path.includes('coordinator.sqlite')) continue
    secret.push(path)
    expect((await stat(path)).mode & 0o077, `${path} is readable by others`).toBe(0)
  }
  expect(secret.length).toBeGreaterThanOrEqual(6)
  for (const folder of [dataDir, join(dataDir, 'keys')]) expect((await stat(folder)).mode & 0o077).toBe(0)
})
