/** The page of tests/e2e/browser-storage.test.ts: gives the test the browser adapters by name. */
import { sha256Hex, signReport, verifyHostCertificate, type ContentHash } from '@peercompute/job-specs'
import { sleep } from '@peercompute/p2p/time'
import { createIdbIdentityStore } from '../identity/idb-identity-store.ts'
import { exportIdentity, loadOrCreateIdentity, type Identity } from '../identity/identity.ts'
import { createIdbPinStore } from '../network/idb-pin-store.ts'
import { governPage } from '../governor/page/govern-page.ts'
import { DEFAULT_PREFERENCES } from '../governor/preferences.ts'
import { createIdbOutboxStore } from '../outbox/idb-outbox-store.ts'
import { createOutbox } from '../outbox/outbox.ts'
import { createWorkerClock } from '../page/worker-clock.ts'
import { createIdbLedgerStore } from '../state/idb-ledger-store.ts'
import { createStateManager } from '../state/state-manager.ts'
import { testJob, testSpec, testValue } from './test-job.ts'

const clock = createWorkerClock(new Worker(new URL('../page/clock-worker.ts', import.meta.url), { type: 'module' }))
const identity = (): Promise<Identity> => loadOrCreateIdentity(createIdbIdentityStore(), { label: 'Tab', now: 1, extractableHost: false })
const told: string[] = []
/** Open for the life of this page. */
const lastingStore = createIdbOutboxStore()

const page = {
  async identity() {
    const kept = await identity()
    const hostCanLeave = await crypto.subtle.exportKey('pkcs8', kept.host.privateKey).then(
      () => true,
      () => false
    )
    return {
      host: kept.host.publicKey,
      held: await verifyHostCertificate(kept.certificate),
      hostCanLeave,
      exported: (await exportIdentity(kept)).account
    }
  },
  /** Makes three identities at once, as tabs that open together do. */
  async race() {
    return new Set((await Promise.all([identity(), identity(), identity()])).map(({ host }) => host.publicKey)).size
  },
  async spoilIdentity() {
    const kept = await identity()
    await createIdbIdentityStore().replace({ ...kept, certificate: { ...kept.certificate, label: 'Changed' } })
    return createIdbIdentityStore()
      .load()
      .then(
        () => 'loaded',
        (error: unknown) => (error instanceof Object && 'code' in error ? String(error.code) : 'other')
      )
  },
  async addReport(unit: number) {
    const kept = await identity()
    const outbox = await createOutbox({ store: lastingStore, host: kept.certificate.host })
    const { id } = await testJob(kept.account)
    await outbox.add(
      await signReport(kept.host, {
        v: 1,
        job: id,
        epoch: 1,
        host: kept.certificate.host,
        executor: 'js',
        numericClass: 'js-test',
        probeVersion: 1,
        ts: 1,
        units: [{ outcome: 'success', unit, digest: sha256Hex(testValue(unit)) as ContentHash, bytes: 8, computeMs: 1 }]
      }),
      testValue(unit),
      1
    )
  },
  async outbox() {
    const outbox = await createOutbox({ store: createIdbOutboxStore(), host: (await identity()).certificate.host })
    return outbox.items().map(({ report, values }) => ({ unit: report.units[0]?.unit, value: [...values] }))
  },
  async publish(revision: number) {
    const state = createStateManager({ identity: await identity(), store: createIdbLedgerStore(), clock })
    await state.publish(testSpec({ revision }))
    return { heads: state.ledger.heads().map(({ epoch, length }) => ({ epoch, length })), hash: state.ledger.foldHash() }
  },
  async ledger() {
    const state = createStateManager({ identity: await identity(), store: createIdbLedgerStore(), clock })
    await state.ledger.ready
    return { heads: state.ledger.heads().map(({ epoch, length }) => ({ epoch, length })), hash: state.ledger.foldHash() }
  },
  async pin(root: string | null) {
    const pins = createIdbPinStore()
    const { certificate } = await identity()
    // Any public key will do for a root.
    if (root !== null) await pins.set(root, certificate.host as string as Parameters<typeof pins.set>[1])
    return pins.get('https://example.org')
  },
  async sleeps() {
    const aborted = new AbortController()
    const order: string[] = []
    const late = sleep(clock, 60).then(() => order.push('late'))
    const never = sleep(clock, 5, aborted.signal).catch(() => order.push('aborted'))
    aborted.abort()
    await Promise.all([sleep(clock, 20).then(() => order.push('early')), late, never])
    return order
  },
  follow(hiddenTab: 'rest' | 'go_on') {
    governPage(
      window,
      {
        govern: ({ suspended }) => {
          told.push(`rest for ${suspended.join() || 'nothing'}`)
        },
        computing: false,
        bytes: 0,
        retryNow: () => {
          told.push('retry')
        },
        onChange: () => () => undefined
      },
      () => ({ ...DEFAULT_PREFERENCES, hiddenTab }),
      clock
    )
  },
  told: () => told
}
export type BrowserPage = typeof page

Object.assign(globalThis, { browserPage: page })
