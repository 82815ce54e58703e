import {
  checkCreditExport,
  creditExportSchema,
  generateKeyPair,
  signMembership,
  type AccountCredit,
  type AccountId,
  type Board,
  type CreditExport,
  type KeyPair
} from '@peercompute/job-specs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { connectedHost, reportOf, smallSpec, u32, unsigned } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import { EXPORT_MAX_AGE_MS } from './credit-export.ts'
import { BOARD_MAX_AGE_MS } from './standings.ts'
import { createTeamStore } from './team-store.ts'
import { CLOCK_AHEAD_MAX_MS, createTeams } from './teams.ts'

let test: TestApp
let ada: KeyPair
let bob: KeyPair
beforeEach(async () => {
  test = await createTestApp({}, () => true)
  ada = await generateKeyPair({ extractable: true })
  bob = await generateKeyPair({ extractable: true })
})
afterEach(() => test[Symbol.asyncDispose]())

const root = () => test.keys.certificate.root
const get = async <T>(path: string): Promise<T> => (await test.app.inject({ url: `/api/v1${path}` })).json<T>()
const put = async (payload: object) => test.app.inject({ method: 'PUT', url: '/api/v1/teams/membership', payload })
const join = async (account: KeyPair, team: string | null, ts = test.clock.now()) => put(await signMembership(account, root(), team, ts))
const creditOf = (account: KeyPair) => get<AccountCredit>(`/accounts/${account.publicKey}/credit`)

/** A job of four units that both settle; each unit is worth one millionth. */
let revision = 0
async function settleFour(accounts: readonly KeyPair[] = [ada, bob], label = ''): Promise<void> {
  const { signed } = unsigned(smallSpec({ revision: ++revision, verification: { independence: 'owner' } }))
  await test.coordinator.submit(signed, false)
  for (const [n, account] of accounts.entries()) {
    const host = { ...connectedHost(`host ${n}`), account: account.publicKey as AccountId, label: n === 0 ? label : '' }
    await test.coordinator.hostConnected(host)
    for (const lease of (await test.coordinator.ask(host.host, { executor: 'js', units: 4, seconds: 0 })).leases) {
      const units = Array.from({ length: lease.count }, (_, i) => ({ unit: lease.start + i, value: u32(lease.start + i) }))
      const { report, values } = reportOf(host.host, lease, units)
      await test.coordinator.report(report, Buffer.concat(values))
    }
  }
}

it('boards show who has earned what, with names that owners gave only, a page at a time, and are not sorted for each reader', async () => {
  expect(await get<Board>('/leaderboard')).toMatchObject({ by: 'account', rows: [], total: 0, microCredits: 0, next: null })
  test.clock.advance(BOARD_MAX_AGE_MS + 1)
  await settleFour([ada, bob], 'attic')
  const carol = await generateKeyPair({ extractable: true })
  await settleFour([ada, carol], 'attic')
  const first = await get<Board>('/leaderboard?limit=1')
  expect(first).toMatchObject({
    rows: [{ rank: 1, account: ada.publicKey, label: 'attic', team: null, microCredits: 8, units: 8, share: 0.5 }],
    total: 3,
    microCredits: 16,
    next: '1'
  })
  const rest = await get<Board>('/leaderboard?limit=5&cursor=1')
  expect(rest.rows).toMatchObject([{ rank: 2, label: '', microCredits: 4, share: 0.25 }, { rank: 3 }])
  expect(rest.next).toBeNull()

  await settleFour()
  expect((await get<Board>('/leaderboard')).microCredits).toBe(16)
  test.clock.advance(BOARD_MAX_AGE_MS + 1)
  expect((await get<Board>('/leaderboard')).microCredits).toBe(24)
})

it('credit counts for a team from the moment of joining until that of leaving', async () => {
  await settleFour()
  const joined = await join(ada, 'Blue Whales')
  expect(joined.json()).toMatchObject({ microCredits: 4, team: { name: 'Blue Whales', microCredits: 0, units: 0 } })
  await settleFour()
  expect(await creditOf(ada)).toMatchObject({ microCredits: 8, units: 8, team: { microCredits: 4, units: 4 } })

  // Another spelling is the same team; the name stays as its first member wrote it.
  test.clock.advance(1)
  expect((await join(bob, 'BLUE whales')).json()).toMatchObject({ team: { name: 'Blue Whales', microCredits: 0 } })
  await join(ada, null)
  await settleFour()
  expect((await creditOf(ada)).team).toBeNull()
  test.clock.advance(BOARD_MAX_AGE_MS + 1)
  expect((await get<Board>('/leaderboard?by=team')).rows).toMatchObject([{ team: 'Blue Whales', members: 1, microCredits: 8, units: 8 }])

  // Who comes back goes on where it was.
  await join(ada, 'Blue Whales')
  await settleFour()
  expect((await creditOf(ada)).team).toMatchObject({ microCredits: 8, units: 8 })
})

it('only the account itself, here, now and in order, says in which team it is', async () => {
  const statement = await signMembership(ada, root(), 'Whales', test.clock.now())
  for (const changed of [{ team: 'Sharks' }, { account: bob.publicKey }, { ts: statement.ts + 1 }, { root: bob.publicKey }])
    expect((await put({ ...statement, ...changed })).json()).toMatchObject({ code: 'TEAM_STATEMENT_INVALID' })
  const future = await join(ada, 'Whales', test.clock.now() + CLOCK_AHEAD_MAX_MS + 60_000)
  expect(future.json()).toMatchObject({ code: 'TEAM_STATEMENT_INVALID', detail: expect.stringContaining('minutes ahead') })

  expect((await put(statement)).statusCode).toBe(200)
  expect((await put(statement)).statusCode).toBe(200)
  test.clock.advance(10)
  expect((await join(ada, null)).statusCode).toBe(200)
  const again = await put(statement)
  expect([again.statusCode, again.json()]).toMatchObject([409, { code: 'TEAM_STATEMENT_OLD' }])
  const kinds = test.operator.auditPage({ from: 1, limit: 100 }).entries.map(({ kind }) => kind)
  expect(kinds).toEqual(['team-membership', 'team-membership'])
})

it.each([
  ['a', 'too short'],
  ['x'.repeat(41), 'too long'],
  ['Blue  Whales', 'two spaces'],
  [' Blue', 'a space before'],
  ['Blue\u202eWhales', 'an override of direction'],
  ['Blu\u200be', 'something that cannot be seen'],
  ['Bl\u0443e', 'letters of two alphabets that look alike'],
  ['\uff22lue', 'a wide letter'],
  ['<b>Blue</b>', 'markup']
])('refuses the name %j: %s', async (team) => {
  const body = { v: 1, root: root(), account: ada.publicKey, team, ts: 1, sig: 'A'.repeat(86) }
  expect((await put(body)).json()).toMatchObject({ code: 'REQUEST_INVALID' })
})

it('the export adds up, is signed, and does not hold when any part of it is changed', async () => {
  await settleFour()
  await join(ada, 'Whales')
  await test.coordinator.restoreCredit(new Map([[ada.publicKey as AccountId, 10]]))
  await settleFour()
  const exported = await get<CreditExport>('/credit/export')
  expect(await checkCreditExport(creditExportSchema.parse(exported), root())).toEqual([])
  expect(exported.sums).toEqual({ settled: 16, carried: 6, microCredits: 22 })
  expect(exported.accounts).toHaveLength(2)
  expect(exported.accounts).toContainEqual({ account: ada.publicKey, microCredits: 14, carried: 6, units: 8, team: 'Whales' })
  expect(exported.teams).toMatchObject([{ team: 'Whales', microCredits: 10, earned: [{ account: ada.publicKey }] }])
  expect(exported.jobs.map(({ results }) => results)).toEqual([8, 8])

  const others = await checkCreditExport(exported, bob.publicKey)
  expect(others).toEqual([expect.stringContaining('not of')])
  for (const [key, value] of Object.entries(exported).filter(([name]) => name !== 'v')) {
    const broken = creditExportSchema.parse({ ...exported, [key]: changed(value) })
    expect(await checkCreditExport(broken, root()), key).not.toEqual([])
  }
  // A coordinator that signs what does not add up is found out as well.
  const { signCreditExport } = await import('@peercompute/job-specs')
  const { sig: _, ...body } = exported
  const inflated = { ...body, accounts: body.accounts.map((row) => ({ ...row, microCredits: row.microCredits + 1 })) }
  expect(await checkCreditExport(await signCreditExport(test.keys.operational, inflated), root())).toHaveLength(2)

  await settleFour()
  expect((await get<CreditExport>('/credit/export')).sums.settled).toBe(16)
  test.clock.advance(EXPORT_MAX_AGE_MS + 1)
  expect((await get<CreditExport>('/credit/export')).sums.settled).toBe(24)
})

/** Another value of the same form. */
function changed(value: unknown): unknown {
  if (typeof value === 'number') return value === 1 ? 1 : value + 1
  if (typeof value === 'string') return value.startsWith('A') ? `B${value.slice(1)}` : `A${value.slice(1)}`
  if (Array.isArray(value)) return value.slice(1)
  if (value === null) return { at: 1, microCredits: 1, settled: 1, carried: 0, units: 1, difference: 0 }
  const [key, first] = Object.entries(value as object).find(([, part]) => part !== 1) ?? ['', 0]
  return { ...(value as object), [key]: changed(first) }
}

it('teams outlive the process', async () => {
  await using folder = await temporaryFolder()
  const file = `${folder.path}/coordinator.sqlite`
  const account = ada.publicKey as AccountId
  let total = { microCredits: 100, units: 10 }
  const open = () => {
    const store = openSqliteStore(file)
    return { store, teams: createTeams({ store: createTeamStore(store), root: root(), totals: () => total, now: () => 1_000 }) }
  }
  const first = open()
  await first.teams.take(await signMembership(ada, root(), 'Whales', 1))
  total = { microCredits: 150, units: 15 }
  await first.teams.take(await signMembership(ada, root(), 'Sharks', 2))
  total = { microCredits: 170, units: 17 }
  const told = [...first.teams.earned(() => total)]
  first.store.close()
  const second = open()
  expect([...second.teams.earned(() => total)].sort((a, b) => b.microCredits - a.microCredits)).toEqual(told)
  expect(told).toEqual([
    { team: 'Whales', account, microCredits: 50, units: 5, member: false },
    { team: 'Sharks', account, microCredits: 20, units: 2, member: true }
  ])
  await expect(second.teams.take(await signMembership(ada, root(), 'Whales', 1))).rejects.toMatchObject({ code: 'TEAM_STATEMENT_OLD' })
  expect(second.store.auditEntries(1, 10).map(({ kind }) => kind)).toEqual(['team-membership', 'team-membership'])
  second.store.close()
})
