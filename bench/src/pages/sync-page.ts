/**
 * A volunteer's network and state, put together as the volunteer's page does it, without the computing: how long after the
 * navigation until the ledger says all its jobs.
 */
import { PROBE_VERSION } from '@peercompute/job-specs'
import { createLedger, settledUnits } from '@peercompute/ledger'
import {
  createIdbIdentityStore,
  createIdbLedgerStore,
  createIdbPinStore,
  createNetworkManager,
  createStateManager,
  ledgerDownload,
  loadOrCreateIdentity,
  startLibp2pNetwork,
  systemClock
} from '@peercompute/worker-client/browser'
import { startVerifier } from './start-verifier.ts'

const query = new URLSearchParams(location.search)
/** What the ledger must say before it counts as synced. */
const JOBS = Number(query.get('jobs'))
const UNITS = Number(query.get('units'))

/** Milliseconds since the navigation began. */
const marks: Record<string, number> = { script: performance.now() }
const mark = (name: string): void => {
  marks[name] ??= performance.now()
}

const identity = await loadOrCreateIdentity(createIdbIdentityStore(), { label: '', now: Date.now(), extractableHost: false })
mark('identity')
const pins = createIdbPinStore()
const state = createStateManager({
  identity,
  store: createIdbLedgerStore(),
  clock: systemClock,
  verifier: startVerifier(),
  download: ledgerDownload(location.origin, (input, init) => globalThis.fetch(input, init))
})
void state.fetchLedger().then(() => {
  mark('ledger-file')
})
const network = createNetworkManager({
  coordinator: location.origin,
  pins,
  identity,
  host: {
    agent: 'bench',
    memoryBytes: 0,
    executors: [
      { kind: 'js', slots: 1, numericClass: 'bench', probeVersion: PROBE_VERSION, features: [], software: false, operationsPerSecond: 0 }
    ]
  },
  clock: systemClock,
  random: Math.random,
  fetch: (input, init) => globalThis.fetch(input, init),
  startPeers: startLibp2pNetwork
})
network.onPeerNetwork((peers) => {
  mark('libp2p')
  void state.share(peers)
})
network.onState(({ root, connection, transport }) => {
  if (root !== null) {
    mark('root')
    state.follow(root)
  }
  if (connection === 'connected') mark(transport === 'libp2p' ? 'work-stream' : 'work-over-http')
})
function told(): { jobs: number; units: number; admitted: boolean } {
  const said = state.state()
  if (said === null) return { jobs: 0, units: 0, admitted: false }
  const jobs = [...said.jobs.values()]
  return {
    jobs: jobs.length + said.retired.jobs,
    units: jobs.reduce((sum, { settled }) => sum + settledUnits(settled), said.retired.units),
    admitted: jobs.every(({ admitted }) => admitted)
  }
}

let looking = false
state.onChange(() => {
  mark('first-record')
  if (looking) return
  looking = true
  // records of one update come in one turn: they are counted once
  queueMicrotask(() => {
    looking = false
    const { jobs, units, admitted } = told()
    if (jobs >= JOBS && units >= UNITS && admitted) mark('synced')
  })
})
network.start()
const pinned = await pins.get(location.origin)
if (pinned !== null) state.follow(pinned)
mark('started')

const page = {
  marks: () => marks,
  told,
  /** Records that a new page would find in the store. */
  async stored() {
    const replica = createLedger({ now: () => Date.now(), store: createIdbLedgerStore() })
    await replica.ready
    const records = replica.heads().reduce((sum, { length }) => sum + length, 0)
    replica.close()
    return records
  },
  held: () => ({
    records: state.ledger.heads().reduce((sum, { length }) => sum + length, 0),
    checkpoint: state.ledger.checkpoint() !== null
  })
}
export type SyncPage = typeof page

Object.assign(globalThis, { syncPage: page })
