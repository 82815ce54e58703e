/** A room of three processes and a relay process that coordinates nothing; the one that leads is killed in the middle of a job. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QUEENS_SOLUTIONS } from '@peercompute/kernels'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { startCli, until, type RunningProcess } from '../harness/index.ts'

const JOB = 'peercompute: 1\nname: queens-in-a-room\nkernel: n-queens\nparams: { n: 15 }\nverification: { quorum: 2, independence: host }\n'
const viewSchema = z.object({
  self: z.string(),
  members: z.array(z.object({ peer: z.string() })),
  leader: z.object({ peer: z.string(), term: z.int() }).nullable(),
  jobs: z.array(
    z.object({
      state: z.string(),
      unitCount: z.int(),
      settled: z.int(),
      verified: z.int(),
      reduced: z.object({ sum: z.string().optional() })
    })
  )
})
type View = z.infer<typeof viewSchema>

let home = ''
const running: RunningProcess[] = []
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'peercompute-rooms-'))
  await writeFile(join(home, 'job.yaml'), JOB)
})
afterAll(async () => {
  await Promise.all(running.map((one) => one.end('SIGKILL')))
  await rm(home, { recursive: true, force: true })
})

function start(args: readonly string[], env: Record<string, string> = {}): RunningProcess {
  const one = startCli(args, { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), ...env }, { bare: true })
  running.push(one)
  return one
}

/** What a member said last. */
function view(member: RunningProcess): View | null {
  const last = member.stdout().trimEnd().split('\n').at(-1) ?? ''
  return last.endsWith('}') ? viewSchema.parse(JSON.parse(last)) : null
}

it('elects, computes, survives the death of its leader, and says nothing to the relay', { timeout: 240_000 }, async () => {
  const relay = start(['relay', '--port', '0', '--data', join(home, 'relay'), '--json'])
  const { addresses } = z.object({ addresses: z.array(z.string()) }).parse(JSON.parse((await relay.line(/^\{.*\}$/m))[0]))
  const made = await start(['room', 'create', '--relay', addresses[0] ?? '', '--name', 'Test', '--json']).ended
  const { link } = z.object({ link: z.string() }).parse(JSON.parse(made.stdout))

  const joined = (name: string, ...args: string[]): RunningProcess =>
    start(['room', 'join', '--data', join(home, name), '--lend', '--threads', '1', '--json', ...args], { PEERCOMPUTE_ROOM: link })
  const two = [joined('a'), joined('b')]
  const agreed = (members: readonly RunningProcess[]): string | null => {
    const leaders = new Set(members.map((member) => view(member)?.leader?.peer ?? null))
    return leaders.size === 1 ? ([...leaders][0] ?? null) : null
  }
  await until('two members name one leader', () => agreed(two) !== null, 60_000)
  const leaderPeer = agreed(two)
  const author = joined('c', '--submit', join(home, 'job.yaml'), '--timeout', '200')
  await until('units of the job are settled', () => (view(author)?.jobs[0]?.verified ?? 0) > 0, 90_000)
  expect(view(author)?.jobs[0]?.state, 'the job is long enough').toBe('running')

  const leader = two.find((member) => view(member)?.self === leaderPeer)
  const other = two.find((member) => member !== leader)
  if (leader === undefined || other === undefined) throw new Error('the leader is none of the two')
  const term = view(other)?.leader?.term ?? 0
  await leader.end('SIGKILL')

  const { code, stderr } = await author.ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const last = view(author)
  expect(last?.jobs[0]).toMatchObject({ state: 'completed', reduced: { sum: String(QUEENS_SOLUTIONS.get(15)) } })
  expect(last?.jobs[0]?.verified).toBe(last?.jobs[0]?.unitCount)
  expect(last?.leader?.peer).not.toBe(leaderPeer)
  expect(last?.leader?.term).toBeGreaterThan(term)
  expect(await other.end()).toBe(0)
})

it('is refused to whoever has half a link, with a sentence', async () => {
  const { code, stderr } = await start(['room', 'join', '#/room/short', '--data', join(home, 'nobody')]).ended
  expect(code).toBe(2)
  expect(stderr).toContain('This is not a link to a room')
})
