/** Hosts as the coordinator sees them, connected ones first, read again after each change of the fleet. */
import type { HostView } from '@peercompute/job-specs'
import { live } from './live.svelte.ts'
import { Loadable } from './loadable.svelte.ts'

const READ_EVERY_MS = 2_000

export class HostList {
  readonly hosts = new Loadable<readonly HostView[]>(async (signal) => {
    const { getHosts } = await import('../services/api.ts')
    return getHosts(signal)
  })
  readonly rows = $derived(
    [...(this.hosts.value ?? [])].sort((a, b) => Number(b.connected) - Number(a.connected) || b.validated - a.validated)
  )

  /** Returns the function that ends it. */
  follow(): () => void {
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    void this.hosts.load(ended.signal)
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
