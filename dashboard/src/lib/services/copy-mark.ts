/** When this browser's copy of the ledger last grew. Costs nothing to look at, unlike the copy. */
export const COPY_KEY = 'peercompute.copy'

export function markCopy(): void {
  localStorage.setItem(COPY_KEY, String(Date.now()))
}

/** Null: there is none. */
export function copyTimeMs(): number | null {
  const stored = Number(localStorage.getItem(COPY_KEY) ?? '')
  return Number.isFinite(stored) && stored > 0 ? stored : null
}
