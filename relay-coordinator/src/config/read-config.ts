/** Reads settings from flags and environment through one schema. */
import { PeerComputeError } from '@peercompute/job-specs'
import type { z } from 'zod'

/** Environment variable of each setting. */
export type Variables<Config> = Readonly<Record<keyof Config & string, string>>
export type Flags<Config> = Readonly<Partial<Record<keyof Config, unknown>>>
export type Environment = Readonly<Record<string, string | undefined>>

/** Flags win over the environment. Throws CONFIG_INVALID with the setting's name in `place.path`. */
export function readConfig<T extends z.ZodType>(
  schema: T,
  variables: Readonly<Record<string, string>>,
  flags: Readonly<Record<string, unknown>>,
  environment: Environment
): z.infer<T> {
  const parsed = schema.safeParse({ ...fromEnvironment(variables, environment), ...withoutUndefined(flags) })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const name = String(issue?.path[0] ?? '')
  const variable = variables[name]
  throw new PeerComputeError(
    'CONFIG_INVALID',
    `${name}${variable === undefined ? '' : ` (${variable})`}: ${issue?.message ?? 'not understood'}`,
    { place: { path: name } }
  )
}

const NUMBERS: ReadonlySet<string> = new Set(['port', 'subnetQuota', 'minFree', 'openJobs', 'openUnits', 'relays', 'relayPort'])
const LISTS: ReadonlyMap<string, RegExp> = new Map([
  ['trustProxy', /\s*,\s*/],
  ['alsoRelay', /\s*,\s*/],
  ['relayUrls', /\s*,\s*/],
  // A comma stands between address, user and credential.
  ['iceServers', /\s+/]
])

function fromEnvironment(variables: Readonly<Record<string, string>>, environment: Environment): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [key, variable] of Object.entries(variables)) {
    const text = environment[variable]?.trim()
    if (text === undefined || text === '') continue
    const separator = LISTS.get(key)
    if (NUMBERS.has(key)) found[key] = /^\d{1,16}$/.test(text) ? Number(text) : text
    else if (key === 'recover') found[key] = text === '1' || text === 'true' ? true : text
    else found[key] = separator === undefined ? text : text.split(separator)
  }
  return found
}

function withoutUndefined(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}
