/** The preferences of this browser, for all of its tabs. */
import { storedPreferences, type Preferences } from '@peercompute/worker-client/preferences'

const KEY = 'peercompute.preferences'

export function readPreferences(): Preferences {
  return storedPreferences(localStorage.getItem(KEY))
}

export function keepPreferences(preferences: Preferences): void {
  localStorage.setItem(KEY, JSON.stringify(preferences))
}

/** Calls `changed` when another tab keeps others. */
export function onKeptElsewhere(changed: () => void): () => void {
  const listener = ({ key }: StorageEvent) => {
    if (key === KEY) changed()
  }
  window.addEventListener('storage', listener)
  return () => {
    window.removeEventListener('storage', listener)
  }
}
