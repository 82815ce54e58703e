/** Which team one's credit counts for. */
import { PeerComputeError, signMembership, teamNameSchema, type AccountCredit, type RootId } from '@peercompute/job-specs'
import { creditClient } from '../api/credit-client.ts'
import { coordinatorOf, json, type Context, type RemoteOptions } from '../context.ts'
import { count, moment } from '../output/format.ts'
import { printable } from '../output/printable.ts'
import { userFolder } from '../user/folder.ts'
import { ownIdentity } from '../user/identity.ts'
import { createPinStore } from '../user/pins.ts'
import { credits } from './leaderboard.ts'

export interface OwnOptions extends RemoteOptions {
  /** Folder of the identity, as of `volunteer --data`. */
  readonly data?: string
}

export async function joinTeam(context: Context, name: string, options: OwnOptions): Promise<void> {
  const team = teamNameSchema.safeParse(name.normalize('NFKC').trim())
  if (!team.success)
    throw new PeerComputeError('TEAM_NAME_INVALID', `it ${team.error.issues[0]?.message ?? 'is not valid'}: "${printable(name)}"`)
  await tell(context, team.data, options)
}

export async function leaveTeam(context: Context, options: OwnOptions): Promise<void> {
  await tell(context, null, options)
}

export async function showTeam(context: Context, options: OwnOptions): Promise<void> {
  const { account } = (await ownIdentity(context.env, options.data)).certificate
  await say(context, options, await creditClient(context, options).account(account))
}

/** The coordinator's root, pinned: a statement is meant for one coordinator. */
export async function pinnedRoot(context: Context, options: RemoteOptions): Promise<RootId> {
  const { url, api } = await coordinatorOf(context, options)
  const info = await api.info()
  await createPinStore(userFolder(context.env)).check(url, info)
  return info.root
}

async function tell(context: Context, team: string | null, options: OwnOptions): Promise<void> {
  const { account } = await ownIdentity(context.env, options.data)
  const statement = await signMembership(account, await pinnedRoot(context, options), team, Date.now())
  await say(context, options, await creditClient(context, options).team(statement))
}

async function say({ terminal }: Context, options: OwnOptions, { account, team, microCredits }: AccountCredit): Promise<void> {
  if (options.json) return terminal.data(json({ account, team }))
  if (team === null)
    terminal.talk(`You are in no team. Your ${credits(microCredits)} credits are yours. Join one: peercompute team join NAME`)
  else
    terminal.talk(
      `You are in "${printable(team.name)}" since ${moment(team.since)}, and have earned ${credits(team.microCredits)} credits for it with ${count(team.units)} units.`
    )
}
