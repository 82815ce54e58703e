/** A coordinator that cannot start says what is in the way and how to get round it, and a public one asks for its token. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ERRORS, PeerComputeError, toProblem } from '@peercompute/job-specs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startServer, type TestServer } from '../harness/index.ts'
import { postJob, queensJob } from './parts/publish.ts'

let server: TestServer
let home = ''
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peercompute-refusals-'))
  writeFileSync(join(home, 'file'), 'a regular file\n')
  server = await startServer({ args: ['--public-url', 'https://compute.example'] })
})
afterAll(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

const env = () => ({ XDG_CONFIG_HOME: home, PEERCOMPUTE_COORDINATOR: server.url })

/** With a data folder of its own unless it is told another. */
function refuse(command: string, args: readonly string[]): ReturnType<typeof runCli> {
  return runCli([command, '--data', mkdtempSync(join(home, 'data-')), ...args])
}

describe.each(['serve', 'start'])('%s', (command) => {
  const cases = () => ({
    PORT_IN_USE: { args: ['--port', String(server.port)], sentence: `port ${server.port} of 127.0.0.1 is taken`, option: '--port' },
    DATA_FOLDER_UNWRITABLE: {
      args: ['--port', '0', '--data', join(home, 'file', 'data')],
      sentence: join(home, 'file', 'data'),
      option: '--data'
    },
    DATA_FOLDER_LOCKED: {
      args: ['--port', '0', '--data', server.dataDir],
      sentence: `${server.dataDir} is held by process ${String(server.process.child.pid)}`,
      option: '--data'
    }
  })

  it.each(['PORT_IN_USE', 'DATA_FOLDER_UNWRITABLE', 'DATA_FOLDER_LOCKED'] as const)('says %s', async (code) => {
    const { args, sentence, option } = cases()[code]
    const [said, forPrograms] = await Promise.all([refuse(command, args), refuse(command, [...args, '--json'])])
    expect({ exit: said.code, stdout: said.stdout }, said.stderr).toEqual({ exit: 9, stdout: '' })
    expect(ERRORS[code]).toMatchObject({ exit: 9, remedy: expect.stringContaining(option) })
    for (const part of [code, sentence, ERRORS[code].remedy]) expect(said.stderr).toContain(part)
    expect(forPrograms.code).toBe(9)
    expect(JSON.parse(forPrograms.stderr)).toMatchObject({
      ...toProblem(new PeerComputeError(code, '')),
      detail: expect.stringContaining(sentence)
    })
  })
})

describe('a coordinator with a public address', () => {
  it('wants its token of everybody who does not sign, on this machine too', async () => {
    const { spec } = await queensJob(5)
    for (const [headers, status, code] of [
      [{}, 401, 'TOKEN_REQUIRED'],
      [{ authorization: 'Bearer pc_wrong' }, 403, 'TOKEN_INVALID']
    ] as const) {
      const response = await postJob(server.url, { spec }, headers)
      expect({ status: response.status, problem: await response.json() }).toMatchObject({
        status,
        problem: { code, remedy: ERRORS[code].remedy }
      })
    }
    expect(await server.jobIds()).toEqual([])
  })

  it('refuses a wrong token on the command line, whatever is asked for', async () => {
    const { id } = JSON.parse((await runCli(['submit', 'n-queens', '-p', 'n=5', '--json'], env())).stdout) as { id: string }
    for (const args of [
      ['submit', 'n-queens', '-p', 'n=6'],
      ['cancel', id]
    ]) {
      const { code, stdout, stderr } = await runCli([...args, '--token', 'pc_wrong'], env())
      expect({ code, stdout }).toEqual({ code: ERRORS.TOKEN_INVALID.exit, stdout: '' })
      for (const part of ['TOKEN_INVALID', ERRORS.TOKEN_INVALID.remedy]) expect(stderr).toContain(part)
    }
    expect(await server.jobIds()).toEqual([id])
    // Where anybody may reach it, a new author waits for the operator's approval. Nobody has cancelled the job.
    expect(await server.job(id)).toMatchObject({ state: 'queued', why: { code: 'awaiting_approval' } })
  })
})
