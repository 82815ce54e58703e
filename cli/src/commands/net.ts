/** `net doctor`: why this machine is, or is not, in the network. */
import { PeerComputeError } from '@peercompute/job-specs'
import { coordinatorOf, json, type Context, type RemoteOptions } from '../context.ts'
import { checkLines, type Check } from '../network/check.ts'
import { createPinStore } from '../user/pins.ts'
import { userFolder } from '../user/folder.ts'

export interface DoctorOptions extends RemoteOptions {
  readonly relay?: string
  /** Seconds for others to announce themselves. */
  readonly wait: number
}

/** Exit code 6 when a check failed, with the names of those that did. */
export async function doctor(context: Context, options: DoctorOptions): Promise<void> {
  const { terminal, signal, env } = context
  const [{ walk }, { checkRelayAddress }] = await Promise.all([import('../network/doctor.ts'), import('../network/relay-addresses.ts')])
  const named = options.relay === undefined ? undefined : checkRelayAddress(options.relay)
  const { url, api } = await coordinatorOf(context, options)
  const say = async (check: Check): Promise<void> => {
    if (!options.json) await terminal.data(`${checkLines(check, (style, text) => terminal.style(style, text))}\n`)
  }
  terminal.live('Looking …')
  const checks = await walk({
    coordinator:
      named === undefined || options.coordinator !== undefined
        ? { url, info: () => api.info(), pinned: async () => (await createPinStore(userFolder(env)).all())[url] }
        : null,
    ...(named === undefined ? {} : { relay: named }),
    discoveryMs: options.wait * 1_000,
    onCheck: say,
    signal
  })
  if (options.json) await terminal.data(json({ ok: checks.every(({ state }) => state !== 'failed'), checks }))
  const bad = checks.filter(({ state }) => state === 'failed')
  if (bad.length === 0) {
    if (!options.json) terminal.talk('Everything that was tried works.')
    return
  }
  const [first] = bad
  throw new PeerComputeError(
    first?.name === 'coordinator' ? 'COORDINATOR_UNREACHABLE' : 'PEER_UNREACHABLE',
    `${bad.length} of ${checks.length} checks failed: ${bad.map(({ name }) => name).join(', ')}`
  )
}
