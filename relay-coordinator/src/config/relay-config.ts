/** Settings of a relay without a coordinator. */
import { rootIdSchema } from '@peercompute/job-specs'
import type { z } from 'zod'
import { LISTEN_ENVIRONMENT, listenConfigSchema } from './listen-config.ts'
import { readConfig, type Environment, type Flags, type Variables } from './read-config.ts'

export const relayConfigSchema = listenConfigSchema.extend({
  /** Root key of the coordinator whose checkpoints this relay follows. Without it, it keeps all feeds that it is given, up to its quota. */
  coordinatorRoot: rootIdSchema.optional()
})
export type RelayConfig = z.infer<typeof relayConfigSchema>
export type RelayConfigInput = z.input<typeof relayConfigSchema>

const ENVIRONMENT = { ...LISTEN_ENVIRONMENT, coordinatorRoot: 'PEERCOMPUTE_COORDINATOR_ROOT' } satisfies Variables<RelayConfig>

/** Throws CONFIG_INVALID with the setting's name in `place.path`. */
export function readRelayConfig(flags: Flags<RelayConfig>, environment: Environment = {}): RelayConfig {
  return readConfig(relayConfigSchema, ENVIRONMENT, flags, environment)
}
