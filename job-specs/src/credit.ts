/** What the HTTP API says of credit: boards, memberships, and the signed export that anybody can check without this coordinator. */
import { z } from 'zod'
import { coordinatorCertificateSchema, verifyCoordinatorCertificate } from './certificates.ts'
import { accountIdSchema, jobIdSchema, rootIdSchema, signatureSchema, timestampSchema } from './ids.ts'
import { sign, verify, type KeyPair } from './keys.ts'
import { teamKey, teamNameSchema } from './team.ts'

const countSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
/** Millionths of a credit. Below zero only for a moment: units may be taken back after a coordinator has lost its database. */
const microCreditsSchema = z.int()

/** One credit in millionths. */
export const MICRO_CREDITS = 1_000_000

export const boardAccountSchema = z.object({
  rank: z.int().min(1),
  account: accountIdSchema,
  /** Name that the owner gave to a machine of this account; empty: none. */
  label: z.string(),
  team: z.string().nullable(),
  microCredits: microCreditsSchema,
  /** Results of its hosts that were validated. */
  units: z.int(),
  /** Of all credit, 0 to 1. */
  share: z.number().min(0).max(1)
})
export type BoardAccount = z.infer<typeof boardAccountSchema>

export const boardTeamSchema = z.object({
  rank: z.int().min(1),
  team: z.string(),
  members: countSchema,
  /** Earned by its members while they were in it. */
  microCredits: microCreditsSchema,
  units: z.int(),
  share: z.number().min(0).max(1)
})
export type BoardTeam = z.infer<typeof boardTeamSchema>

const boardPage = { at: timestampSchema, microCredits: microCreditsSchema, total: countSchema, next: z.string().nullable() }
export const boardSchema = z.discriminatedUnion('by', [
  z.object({ by: z.literal('account'), rows: z.array(boardAccountSchema), ...boardPage }),
  z.object({ by: z.literal('team'), rows: z.array(boardTeamSchema), ...boardPage })
])
export type Board = z.infer<typeof boardSchema>

export const accountCreditSchema = z.object({
  account: accountIdSchema,
  microCredits: microCreditsSchema,
  units: z.int(),
  /** Of all accounts with credit, some seconds old, as is the share; null without any. */
  rank: z.int().min(1).nullable(),
  share: z.number().min(0).max(1),
  team: z.object({ name: z.string(), since: timestampSchema, microCredits: microCreditsSchema, units: z.int() }).nullable()
})
export type AccountCredit = z.infer<typeof accountCreditSchema>

/** What the last audit of all credit has found. `notHeld`: told by a ledger after a database was lost. */
export const creditFindingSchema = z.strictObject({
  at: timestampSchema,
  /** All accounts, in millionths, and the sum over all settled units at the price of their jobs. */
  microCredits: microCreditsSchema,
  settled: microCreditsSchema,
  carried: microCreditsSchema,
  units: countSchema,
  /** `microCredits` − `carried` − `settled`; 0 when the books are right. */
  difference: z.int()
})
export type CreditFinding = z.infer<typeof creditFindingSchema>

export const EXPORT_ACCOUNTS_MAX = 1_000_000
export const EXPORT_JOBS_MAX = 1_000_000

export const creditExportBodySchema = z.strictObject({
  v: z.literal(1),
  certificate: coordinatorCertificateSchema,
  at: timestampSchema,
  /** By account key. */
  accounts: z
    .array(
      z.strictObject({
        account: accountIdSchema,
        microCredits: microCreditsSchema,
        /** The part that a ledger told of, after the coordinator had lost its database. */
        carried: microCreditsSchema.optional(),
        units: z.int(),
        team: teamNameSchema.optional()
      })
    )
    .max(EXPORT_ACCOUNTS_MAX),
  /** By name, with what each account has earned for it. Members that have left stay with what they earned. */
  teams: z
    .array(
      z.strictObject({
        team: teamNameSchema,
        microCredits: microCreditsSchema,
        units: z.int(),
        earned: z
          .array(z.strictObject({ account: accountIdSchema, microCredits: microCreditsSchema, units: z.int() }))
          .max(EXPORT_ACCOUNTS_MAX)
      })
    )
    .max(EXPORT_ACCOUNTS_MAX),
  /** Jobs with paid results: how many, and what each was worth. */
  jobs: z.array(z.strictObject({ job: jobIdSchema, unitMicroCredits: countSchema, results: countSchema })).max(EXPORT_JOBS_MAX),
  /** Over settled units; over what was carried; over all accounts. */
  sums: z.strictObject({ settled: microCreditsSchema, carried: microCreditsSchema, microCredits: microCreditsSchema }),
  /** Null: there has been none since the coordinator started. */
  audit: creditFindingSchema.nullable()
})
export type CreditExportBody = z.infer<typeof creditExportBodySchema>

export const creditExportSchema = creditExportBodySchema.extend({ sig: signatureSchema })
export type CreditExport = z.infer<typeof creditExportSchema>

/** `operational`: the key that `body.certificate` certifies. */
export async function signCreditExport(operational: KeyPair, body: CreditExportBody): Promise<CreditExport> {
  return { ...body, sig: await sign(operational, 'credit-export', body) }
}

/** What does not hold, a sentence each; empty when all does. `root`: the pinned one, when there is one. */
export async function checkCreditExport({ sig, ...body }: CreditExport, root: string | null): Promise<readonly string[]> {
  const wrong: string[] = []
  const { certificate, accounts, teams, jobs, sums, audit } = body
  if (root !== null && certificate.root !== rootIdSchema.parse(root))
    wrong.push(`It is of the coordinator ${certificate.root}, not of ${root}.`)
  if (!(await verifyCoordinatorCertificate(certificate, certificate.root))) wrong.push('The certificate of the signing key does not hold.')
  if (!(await verify(certificate.operational, 'credit-export', body, sig))) wrong.push('The signature of the coordinator does not hold.')

  const settled = sumOf(jobs, ({ unitMicroCredits, results }) => BigInt(unitMicroCredits) * BigInt(results))
  const total = sumOf(accounts, ({ microCredits }) => BigInt(microCredits))
  const carried = sumOf(accounts, (account) => BigInt(account.carried ?? 0))
  const equal = (name: string, is: bigint, said: number): void => {
    if (is !== BigInt(said)) wrong.push(`${name} is ${is}, and ${said} is said (millionths of a credit).`)
  }
  equal('The sum over settled results', settled, sums.settled)
  equal('What was carried over', carried, sums.carried)
  equal('The credit of all accounts', total, sums.microCredits)
  if (total !== settled + carried) wrong.push(`Accounts have ${total - settled - carried} more than was earned (millionths of a credit).`)
  for (const { team, microCredits, units, earned } of teams) {
    equal(
      `What the team "${team}" has earned`,
      sumOf(earned, (member) => BigInt(member.microCredits)),
      microCredits
    )
    if (sumOf(earned, (member) => BigInt(member.units)) !== BigInt(units)) wrong.push(`The units of the team "${team}" do not add up.`)
    if (!distinct(earned.map(({ account }) => account))) wrong.push(`An account is listed twice in the team "${team}".`)
  }
  if (!distinct(accounts.map(({ account }) => account))) wrong.push('An account is listed twice.')
  if (!distinct(jobs.map(({ job }) => job))) wrong.push('A job is listed twice.')
  if (!distinct(teams.map(({ team }) => teamKey(team)))) wrong.push('A team is listed twice.')
  if (audit !== null && audit.difference !== 0)
    wrong.push(`The coordinator's own audit found a difference of ${audit.difference} (millionths of a credit).`)
  return wrong
}

function sumOf<T>(items: readonly T[], each: (item: T) => bigint): bigint {
  return items.reduce((sum, item) => sum + each(item), 0n)
}

function distinct(items: readonly string[]): boolean {
  return new Set(items).size === items.length
}
