/**
 * One computing tab a browser profile, by a Web Lock: a second one would compute the same leases and write the same feed.
 * The others are views. When the computing tab closes, the browser hands the lock to the next one that waits.
 */
export type TabRole = 'computing' | 'view'

export interface TabLock {
  readonly role: TabRole
  /** Gives the role to another tab, or stops waiting for it. */
  release(): void
}

export interface TabLockOptions {
  readonly locks: LockManager
  readonly name?: string
  readonly onRole: (role: TabRole) => void
}

/** Resolves when it is known which role this tab has now; `onRole` tells every later change. */
export async function claimComputing({ locks, name = 'peercompute-computing', onRole }: TabLockOptions): Promise<TabLock> {
  const released = new AbortController()
  let role = 'view' as TabRole

  const hold = (lock: Lock | null): Promise<void> | undefined => {
    if (lock === null || released.signal.aborted) return undefined
    role = 'computing'
    return new Promise((resolve) => { released.signal.addEventListener('abort', () => { resolve() }, { once: true }) })
  }

  const tried: PromiseWithResolvers<unknown> = Promise.withResolvers()
  locks.request(name, { ifAvailable: true }, (lock) => {
    const held = hold(lock)
    tried.resolve(undefined)
    return held
  }).catch(tried.reject)
  await tried.promise

  if (role === 'view') {
    locks.request(name, { signal: released.signal }, (lock) => {
      const held = hold(lock)
      if (held !== undefined) onRole('computing')
      return held
    }).catch(() => undefined)
  }
  return {
    get role() { return role },
    release() {
      if (released.signal.aborted) return
      released.abort()
      if (role === 'view') return
      role = 'view'
      onRole('view')
    }
  }
}
