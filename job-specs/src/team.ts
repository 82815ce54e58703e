/**
 * Teams: accounts whose credit is added up under one name. A team is its name; whoever says so is in it, with a signature of the account
 * key, and credit counts for it from that moment on.
 */
import { z } from 'zod'
import { accountIdSchema, rootIdSchema, signatureSchema, timestampSchema } from './ids.ts'
import { sign, verify, type KeyPair } from './keys.ts'

export const TEAM_NAME_MIN = 2
export const TEAM_NAME_MAX = 40

/** Letters of these are easily taken for each other, so a name has one of them at most. */
const ALIKE_SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u]

/** As people read it: letters, digits and a few signs, in the one spelling that Unicode has for it (NFKC), without what cannot be seen. */
export const teamNameSchema = z
  .string()
  .max(TEAM_NAME_MAX * 4)
  .refine(
    (name) => Array.from(name).length >= TEAM_NAME_MIN && Array.from(name).length <= TEAM_NAME_MAX,
    `must have ${TEAM_NAME_MIN} to ${TEAM_NAME_MAX} characters`
  )
  .refine((name) => /^[\p{L}\p{N}](?: ?[\p{L}\p{M}\p{N}.,&'+_-])*$/u.test(name), {
    error: "must begin with a letter or digit, and hold only letters, digits, single spaces and . , & ' + _ -"
  })
  .refine((name) => name === name.normalize('NFKC'), 'must be written in ordinary letters (Unicode NFKC)')
  .refine((name) => ALIKE_SCRIPTS.filter((script) => script.test(name)).length <= 1, 'must not mix Latin, Cyrillic and Greek letters')

/** Two names that differ in capitals only are one team. */
export function teamKey(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC')
}

export const membershipSchema = z.strictObject({
  v: z.literal(1),
  /** Root key of the coordinator that it is meant for. */
  root: rootIdSchema,
  account: accountIdSchema,
  /** Null: it leaves the team in which it is. */
  team: teamNameSchema.nullable(),
  /** Account's clock. A later statement replaces an earlier one, which cannot be played again. */
  ts: timestampSchema,
  sig: signatureSchema
})
export type Membership = z.infer<typeof membershipSchema>

export async function signMembership(account: KeyPair, root: string, team: string | null, ts: number): Promise<Membership> {
  const body = { v: 1 as const, root, account: account.publicKey, team, ts }
  return membershipSchema.parse({ ...body, sig: await sign(account, 'team-membership', body) })
}

export async function verifyMembership({ sig, ...body }: Membership): Promise<boolean> {
  return verify(body.account, 'team-membership', body, sig)
}
