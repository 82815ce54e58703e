/** Replays a history in a tab. */
import { readFeeds, refusesChange, replay } from '../ledger/replay.ts'
import { startVerifier } from './start-verifier.ts'

const page = {
  /** In a worker, as the volunteer's page does, or in the page's own thread. */
  async replay(root: string, thread: 'worker' | 'page') {
    const feeds = readFeeds(new Uint8Array(await (await fetch('/data')).arrayBuffer()))
    const replayed = await (thread === 'worker' ? replay(feeds, root, startVerifier) : replay(feeds, root))
    return { ...replayed, refusesChange: await refusesChange(feeds) }
  }
}
export type LedgerPage = typeof page

Object.assign(globalThis, { ledgerPage: page })
