/** Hosts as the coordinator sees them, connected ones first, read again after each change of the fleet. */
import type { ReputedHost } from '@peercompute/job-specs'
import { live } from './live.svelte.ts'
import { needingAttention } from '../models/trust-words.ts'
import { Loadable, troubleOf, type Trouble } from './loadable.svelte.ts'

const READ_EVERY_MS = 2_000

export class HostList {
  readonly hosts = new Loadable<readonly ReputedHost[]>(async (signal) => {
    const { getHosts } = await import('../services/api.ts')
    return getHosts(signal)
  })
  readonly rows = $derived(
    [...(this.hosts.value ?? [])].sort((a, b) => Number(b.connected) - Number(a.connected) || b.validated - a.validated)
  )

  readonly attention = $derived(needingAttention(this.rows))
  /** Whether this browser may take hosts back. */
  mayPardon = $state(false)
  pardoning = $state<string | null>(null)
  pardonTrouble = $state.raw<Trouble | null>(null)

  async pardon(host: string): Promise<void> {
    this.pardoning = host
    try {
      const { pardonHost } = await import('../services/api.ts')
      const { reputation } = await pardonHost(host)
      this.pardonTrouble = null
      this.hosts.change((hosts) => hosts.map((known) => (known.host === host ? { ...known, reputation } : known)))
    } catch (error) {
      this.pardonTrouble = troubleOf(error)
    } finally {
      this.pardoning = null
    }
  }

  /** Looks again, as after a token was given. */
  async lookWhoAsks(signal: AbortSignal): Promise<void> {
    const { mayOperate } = await import('../services/api.ts')
    // Who cannot be told apart only looks.
    this.mayPardon = await mayOperate(signal).catch(() => false)
  }

  /** Returns the function that ends it. */
  follow(): () => void {
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    void this.hosts.load(ended.signal)
    void this.lookWhoAsks(ended.signal)
    const leave = live.on((change) => {
      if (change.event !== 'fleet' && change.event !== 'resync') return
      timer ??= setTimeout(() => {
        timer = undefined
        void this.hosts.load(ended.signal)
      }, READ_EVERY_MS)
    })
    return () => {
      leave()
      clearTimeout(timer)
      ended.abort()
    }
  }
}
