import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  jobDetailSchema,
  jobPageSchema,
  jobTrustSchema,
  REASONS,
  resultRowSchema,
  submitAnswerSchema,
  unitReplicasSchema,
  whySchema
} from '@peercompute/job-specs'
import { QUEENS_SOLUTIONS } from '@peercompute/kernels'
import { serve, type RunningServer } from '@peercompute/relay-coordinator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createCli, type Cli } from '../harness/process.ts'

let home: string
let server: RunningServer
let cli: Cli

/** One machine suffices: its two programs count as two opinions. */
const QUEENS =
  'peercompute: 1\nname: queens-here\nkernel: n-queens\nparams: { n: 8 }\nverification: { quorum: 2, independence: executor }\n'

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peercompute-cli-'))
  server = await serve({ port: 0, dataDir: join(home, 'coordinator') })
  cli = createCli({ XDG_CONFIG_HOME: join(home, 'config'), PEERCOMPUTE_COORDINATOR: server.url, HOME: home })
  await writeFile(join(home, 'queens.yaml'), QUEENS)
})
afterAll(async () => {
  await server.close()
  await rm(home, { recursive: true, force: true })
})

describe('the life of a job', () => {
  let id: string

  test('submit publishes, signed by the own key, and sends the missing bytes', async () => {
    const { code, stdout, stderr } = await cli.run('submit', 'n-queens', '-p', 'n=9', '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const answer = submitAnswerSchema.parse(JSON.parse(stdout))
    expect(answer).toMatchObject({ created: true, custodial: false, state: 'running', missingBlobs: [] })
    id = answer.id
  })

  test('the same job again has the same id', async () => {
    const { stdout } = await cli.run('submit', 'n-queens', '-p', 'n=9', '--json')
    expect(submitAnswerSchema.parse(JSON.parse(stdout))).toMatchObject({ id, created: false })
  })

  test('a higher revision is another job', async () => {
    const { stdout, stderr } = await cli.run('submit', 'n-queens', '-p', 'n=9', '--revision', '2')
    expect(stdout.trim()).toMatch(/^[0-9a-f]{64}$/)
    expect(stdout.trim()).not.toBe(id)
    expect(stderr).toContain(`peercompute watch ${stdout.slice(0, 8)}`)
    expect(stderr).toContain('It waits: No volunteer is connected.\nOpen the volunteer page, or run peercompute volunteer.')
  })

  test('list names it, for people and for programs', async () => {
    expect((await cli.run('list')).stdout).toMatch(new RegExp(`^${id.slice(0, 8)} +n-queens +running +0 %`, 'm'))
    expect(jobPageSchema.parse(JSON.parse((await cli.run('list', '--json')).stdout)).jobs.map((job) => job.id)).toContain(id)
  })

  test('show takes the id, its beginning and the name', async () => {
    for (const reference of [id, id.slice(0, 8), 'n-queens']) {
      const { code, stdout } = await cli.run('show', reference, '--json')
      expect(code).toBe(0)
      expect(jobDetailSchema.parse(JSON.parse(stdout)).spec.params).toEqual({ n: 9 })
    }
  })

  test('why says that nobody is there, and why a unit waits', async () => {
    expect(whySchema.parse(JSON.parse((await cli.run('why', id, '--json')).stdout)).code).toBe('no_volunteers')
    expect(whySchema.parse(JSON.parse((await cli.run('why', `${id}/3`, '--json')).stdout)).code).toBe('awaiting_first_lease')
  })

  test('watch gives up at its deadline, and the job goes on', async () => {
    expect(await cli.run('watch', id, '--timeout', '0.2')).toMatchObject({ code: 7, stderr: expect.stringContaining('TIMEOUT') })
  })

  test('an interrupted watch says how to look again', async () => {
    const watching = cli.start('watch', id)
    await watching.line(/0 of 81 units verified/)
    watching.child.kill('SIGINT')
    expect(await watching.ended).toMatchObject({ code: 130, stderr: expect.stringContaining(`peercompute watch ${id.slice(0, 8)}`) })
  })

  test('cancel is signed by the author, and ends a watch with 1', async () => {
    expect((await cli.run('cancel', id)).code).toBe(0)
    expect(await cli.run('watch', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('JOB_FAILED') })
  })

  test('another key cannot cancel', async () => {
    const stranger = createCli({ XDG_CONFIG_HOME: join(home, 'stranger'), PEERCOMPUTE_COORDINATOR: server.url, HOME: home })
    expect(await stranger.run('pause', 'n-queens', '--json')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('JOB_SIGNATURE_INVALID')
    })
  })
})

test('a headless volunteer computes a job with two programs, and the known answer comes out', async () => {
  const volunteer = cli.start('volunteer', '--data', join(home, 'volunteer'), '--threads', '1')
  try {
    const submitted = await cli.run('submit', join(home, 'queens.yaml'), '--watch', '--timeout', '90')
    expect(submitted).toMatchObject({ code: 0, stderr: expect.stringContaining(`sum ${QUEENS_SOLUTIONS.get(8) ?? ''}`) })
    const shown = jobDetailSchema.parse(JSON.parse((await cli.run('show', 'queens-here', '--json')).stdout))
    expect(shown).toMatchObject({ state: 'completed', sameMachine: true, units: { validated: 64 } })

    const { stdout } = await cli.run('results', 'queens-here')
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => resultRowSchema.parse(JSON.parse(line)))
    expect(rows.map((row) => row.unit)).toEqual(Array.from({ length: 64 }, (_, unit) => unit))
    for (const row of rows) expect(new Set(row.votes.map((vote) => vote.executor))).toEqual(new Set(['js', 'wasm']))

    const trust = jobTrustSchema.parse(JSON.parse((await cli.run('show', 'queens-here', '--trust', '--json')).stdout))
    expect(trust).toMatchObject({ counted: 64, checkedTwice: 64, votes: { canonical: 64, rejected: 0 } })
    expect((await cli.run('show', 'queens-here', '--trust')).stdout).toMatch(/^cost +2\.\d\d executions a settled unit$/m)
    const unit = unitReplicasSchema.parse(JSON.parse((await cli.run('show', 'queens-here', '--unit', '5', '--json')).stdout))
    expect(unit.replicas.map(({ verdict, difference }) => [verdict, difference]).slice(0, 2)).toEqual([
      ['canonical', 'the value that is kept'],
      ['agrees', 'identical']
    ])
    expect((await cli.run('show', 'queens-here', '--unit', '5')).stdout).toMatch(
      /^[\w-]{8} +(js|wasm) .* the value that is kept .* canonical$/m
    )
    expect(await cli.run('why', unit.replicas[0]?.host ?? '')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ {2}trust: .*compared/m)
    })

    const alone = await cli.run('submit', 'n-queens', '-p', 'n=7')
    expect(alone).toMatchObject({ code: 0, stderr: expect.stringContaining(`It waits: ${REASONS.too_few_independent.sentence}`) })
    expect(alone.stderr).toContain(REASONS.too_few_independent.remedy)

    const file = join(home, 'queens.csv')
    expect((await cli.run('results', 'queens-here', '--format', 'csv', '--out', file)).code).toBe(0)
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(65)
  } finally {
    volunteer.child.kill('SIGINT')
    expect((await volunteer.ended).code).toBe(0)
  }
})

describe('check', () => {
  test('runs one unit on the programs and compares them', async () => {
    const { code, stdout } = await cli.run('check', 'n-queens', '-p', 'n=8', '--unit', '3', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      comparisons: expect.arrayContaining([expect.objectContaining({ agree: true, metric: 0, bound: 0 })])
    })
  })

  test('refuses programs that disagree', async () => {
    const folder = await mkdtemp(join(home, 'disagree-'))
    const { kernelFile } = await import('@peercompute/kernels/files')
    await writeFile(join(folder, 'wrong.js'), 'export default function compute() { return { count: Uint32Array.of(123) } }\n')
    await writeFile(join(folder, 'kernel.wasm'), await readFile(kernelFile('n-queens', 'kernel.wasm')))
    await writeFile(
      join(folder, 'job.yaml'),
      'peercompute: 1\nname: wrong\nkernel: { name: wrong, js: wrong.js, wasm: kernel.wasm }\nparams: { n: 8 }\nunits: 64\noutputs: [{ name: count, type: u32, shape: [1] }]\n'
    )
    expect(await cli.run('check', folder)).toMatchObject({ code: 3, stderr: expect.stringContaining('KERNEL_DISAGREES') })
  })

  test('brings the message of a program that fails', async () => {
    const folder = await mkdtemp(join(home, 'throws-'))
    await writeFile(join(folder, 'kernel.js'), "export default function compute() { throw new Error('no such planet') }\n")
    await writeFile(
      join(folder, 'job.yaml'),
      'peercompute: 1\nname: throws\nkernel: { name: throws, js: kernel.js }\nunits: 1\noutputs: [{ name: y, type: f32, shape: [1] }]\n'
    )
    expect(await cli.run('check', folder)).toMatchObject({ code: 3, stderr: expect.stringContaining('no such planet') })
  })
})

describe('refusals have their exit code and say what to do', () => {
  test.each([
    [2, ['lst'], 'Did you mean list?'],
    [2, ['list', '--limit', '0'], 'from 1 to 100'],
    [2, ['submit', 'n-queens', '-p', 'n'], 'name=number'],
    [3, ['submit', 'n-quens'], 'did you mean "n-queens"?'],
    [3, ['submit', 'n-queens', '-p', 'n=99'], 'from 5 to 16'],
    [4, ['show', 'nothing'], 'peercompute list'],
    [6, ['list', '--coordinator', 'http://127.0.0.1:9'], 'npm start']
  ])('%d for %j', async (exit, args, sentence) => {
    expect(await cli.run(...args)).toMatchObject({ code: exit, stdout: '', stderr: expect.stringContaining(sentence) })
  })

  test('a mistake in a job file is shown with its line', async () => {
    const file = join(home, 'wrong.yaml')
    await writeFile(file, QUEENS.replace('kernel:', 'kernle:'))
    const { code, stderr } = await cli.run('submit', file)
    expect(code).toBe(3)
    expect(stderr).toContain('wrong.yaml:3:1: Unknown field "kernle"; did you mean "kernel"?')
    expect(stderr).toContain('3 | kernle: n-queens')
  })

  test('with --json the refusal is a problem document', async () => {
    const { stderr } = await cli.run('show', 'nothing', '--json')
    expect(JSON.parse(stderr)).toMatchObject({ code: 'JOB_NOT_FOUND', status: 404, remedy: expect.any(String) })
  })

  test('a token that is wrong is refused', async () => {
    expect(await cli.run('submit', 'n-queens', '--token', 'wrong')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('TOKEN_INVALID')
    })
  })
})

describe('serve', () => {
  test('says where it is, and ends cleanly', async () => {
    const running = cli.start('serve', '--port', '0', '--data', join(home, 'served'), '--json')
    const [line] = await running.line(/^\{.*\}$/m)
    const { url, adminToken } = JSON.parse(line) as { url: string; adminToken: string }
    expect(adminToken).toMatch(/^pc_/)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)

    expect(await cli.run('serve', '--port', new URL(url).port, '--data', join(home, 'other'))).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('PORT_IN_USE')
    })
    expect(await cli.run('serve', '--port', '0', '--data', join(home, 'served'))).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('DATA_FOLDER_LOCKED')
    })

    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  })

  test('a data folder that cannot be is refused', async () => {
    expect(await cli.run('serve', '--port', '0', '--data', join(home, 'queens.yaml', 'data'))).toMatchObject({
      code: 9,
      stderr: expect.stringContaining('DATA_FOLDER_UNWRITABLE')
    })
  })
})

test('start computes the sample on this machine, shows the known answer, and shows it at once when it is there already', async () => {
  const data = join(home, 'started')
  const once = async () => {
    const running = cli.start('start', '--port', '0', '--data', data)
    await running.line(/It stays up/)
    running.child.kill('SIGINT')
    return running.ended
  }
  const first = await once()
  expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('Verified (same machine)') })
  const [, refined] = /^refined +(.+)$/m.exec(first.stdout) ?? []
  const [, closedForm] = /^closed form, for comparison +(.+)$/m.exec(first.stdout) ?? []
  expect(refined?.split(/ +/).slice(0, 3)).toEqual(closedForm?.split(/ +/).slice(0, 3))

  const second = await once()
  expect(second).toMatchObject({ code: 0, stderr: expect.stringContaining('The sample job is here already') })
  expect(second.stdout).toBe(first.stdout)
})

describe('keys', () => {
  test('an account is exported, and recovered elsewhere under another installation', async () => {
    const file = join(home, 'account.json')
    const here = JSON.parse((await cli.run('keys', 'show', '--json')).stdout) as { account: string; installation: string }
    expect((await cli.run('keys', 'export', file)).code).toBe(0)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await cli.run('keys', 'export', file)).stderr).toContain('keys are not overwritten')

    const elsewhere = createCli({ XDG_CONFIG_HOME: join(home, 'elsewhere'), HOME: home })
    const there = JSON.parse((await elsewhere.run('keys', 'recover', file, '--json')).stdout) as { account: string; installation: string }
    expect(there.account).toBe(here.account)
    expect(there.installation).not.toBe(here.installation)
  })

  test('a coordinator with another root than the pinned one is refused until it is forgotten', async () => {
    const pinned = createCli({ XDG_CONFIG_HOME: join(home, 'pinned'), PEERCOMPUTE_COORDINATOR: server.url, HOME: home })
    expect((await pinned.run('submit', 'n-queens', '-p', 'n=6')).code).toBe(0)
    const pins = join(home, 'pinned', 'peercompute', 'pins.json')
    await writeFile(pins, (await readFile(pins, 'utf8')).replace(server.root, 'A'.repeat(43)))
    expect(await pinned.run('submit', 'n-queens', '-p', 'n=6')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('COORDINATOR_UNTRUSTED')
    })
    expect((await pinned.run('keys', 'forget', server.url)).code).toBe(0)
    expect((await pinned.run('submit', 'n-queens', '-p', 'n=6')).code).toBe(0)
  })
})

describe('the command line itself', () => {
  test('every command has help with an example', async () => {
    for (const command of ['serve', 'start', 'check', 'submit', 'list', 'show', 'watch', 'why', 'results', 'cancel', 'volunteer']) {
      const { code, stdout } = await cli.run(command, '--help')
      expect(code).toBe(0)
      expect(stdout).toContain(`$ peercompute ${command}`)
    }
  })

  test('list and show load neither the server nor the network', async () => {
    const hook = `import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { process.stderr.write('LOADED ' + url + '\\n'); return next(url, context) } })`
    const traced = createCli({ XDG_CONFIG_HOME: join(home, 'config'), PEERCOMPUTE_COORDINATOR: server.url, HOME: home }, [
      '--import',
      `data:text/javascript,${encodeURIComponent(hook)}`
    ])
    const bundle = new URL('../../cli/dist/', import.meta.url)
    const modules = z
      .record(z.string(), z.array(z.string()))
      .parse(JSON.parse(await readFile(new URL('modules.json', bundle), 'utf8').catch(() => '{}')))
    const loaded = (stderr: string) =>
      stderr
        .split('\n')
        .flatMap((line) => (line.startsWith('LOADED ') ? [line.slice('LOADED '.length)] : []))
        .flatMap((url) => modules[url.replace(bundle.href, '')] ?? [url])
        .join('\n')
    for (const args of [['list'], ['show', 'n-queens']]) {
      const { code, stderr } = await traced.run(...args)
      expect(code).toBe(0)
      expect(loaded(stderr)).toContain('/commander/')
      expect(loaded(stderr)).not.toMatch(/libp2p|fastify|yjs|relay-coordinator|worker-client/)
    }
  })

  test('nothing is coloured when it is not read on a terminal', async () => {
    const { stdout, stderr } = await cli.run('show', 'n-queens')
    expect(stdout + stderr).not.toContain('\x1b[')
  })
})
