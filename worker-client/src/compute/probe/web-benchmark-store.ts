import type { BenchmarkStore } from './benchmark-store.ts'

const KEY = 'peercompute-benchmark'

/** In the page's localStorage; a page that has none measures at each start. */
export function webBenchmarkStore(storage: () => Storage): BenchmarkStore {
  return {
    read() {
      try {
        return Promise.resolve(storage().getItem(KEY))
      } catch {
        return Promise.resolve(null)
      }
    },
    write(text) {
      try {
        storage().setItem(KEY, text)
      } catch {
        // It is measured again at the next start.
      }
      return Promise.resolve()
    }
  }
}
