import { blobRef, certifyHost, generateKeyPair, type AccountId, type HostId } from '@peercompute/job-specs'
import { createCoordinator, type Coordinator } from '@peercompute/relay-coordinator/room'
import { afterEach, describe, expect, it } from 'vitest'
import { KERNEL, ledgerJob, ledgerState, settled, signedJob, valueOf } from '../test/fixtures.ts'
import { createRoomValues, type RoomValueStore } from './room-values.ts'
import { storeFromLedger, type LedgerLegacy } from './store-from-ledger.ts'

const signed = await signedJob(20)
const running: Coordinator[] = []
afterEach(() => Promise.all(running.splice(0).map((coordinator) => coordinator.close())))

function holding(units: readonly number[]): RoomValueStore {
  const values = createRoomValues()
  for (const unit of units) values.put(ledgerJob(signed).id, unit, valueOf(unit))
  return values
}

function lead(change: Partial<LedgerLegacy>): Coordinator {
  const legacy = { state: ledgerState(), values: holding([]), hasBlob: () => true, term: 2, now: 1_000, ...change }
  const coordinator = createCoordinator({
    store: storeFromLedger(legacy),
    now: () => 2_000,
    random: Math.random,
    hasBlob: (sha256) => Promise.resolve(legacy.hasBlob(sha256))
  })
  running.push(coordinator)
  return coordinator
}

async function connectedHost(coordinator: Coordinator): Promise<HostId> {
  const [account, host] = await Promise.all([generateKeyPair({ extractable: false }), generateKeyPair({ extractable: false })])
  const certificate = await certifyHost(account, host.publicKey, '', 0)
  const executor = {
    kind: 'js' as const,
    slots: 1,
    numericClass: 'test',
    probeVersion: 1,
    features: [],
    software: false,
    operationsPerSecond: 0
  }
  const description = { agent: 'test', memoryBytes: 0, executors: [executor] }
  await coordinator.hostConnected({ ...certificate, subnet: 'test', description, certificate })
  return certificate.host
}

async function leased(coordinator: Coordinator): Promise<{ units: number[]; epochs: number[] }> {
  const { leases } = await coordinator.ask(await connectedHost(coordinator), { executor: 'js', units: 100, seconds: 0 })
  const more = leases.length === 0 ? { units: [], epochs: [] } : await leased(coordinator)
  const units = leases.flatMap(({ start, count }) => Array.from({ length: count }, (_, index) => start + index))
  return { units: [...units, ...more.units].sort((a, b) => a - b), epochs: [...leases.map(({ epoch }) => epoch), ...more.epochs] }
}

describe('a new leader', () => {
  it('gives out what is not settled, the gaps of its predecessor included', async () => {
    const job = ledgerJob(signed, { settled: [settled(0, 3), settled(6, 4)] })
    const coordinator = lead({ state: ledgerState(job), values: holding([0, 1, 2, 6, 7, 8, 9]) })
    expect(coordinator.job(job.id)).toMatchObject({ state: 'running', units: { validated: 7 }, reduced: { kind: 'sum', sum: '33' } })
    expect((await leased(coordinator)).units).toEqual([3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
  })

  it('has units computed again of which nobody here kept the value', async () => {
    const job = ledgerJob(signed, { settled: [settled(0, 3), settled(3, 2)] })
    const { units } = await leased(lead({ state: ledgerState(job), values: holding([0, 1, 2, 3]) }))
    expect(units.slice(0, 3)).toEqual([3, 4, 5])
  })

  it('numbers its leases apart from those of every other term', async () => {
    const job = ledgerJob(signed, { settled: [settled(0, 3)] })
    const epochs: number[] = []
    for (const term of [1, 2, 3]) epochs.push(...(await leased(lead({ state: ledgerState(job), term }))).epochs)
    expect(new Set(epochs).size).toBe(epochs.length)
    expect(Math.max(...epochs)).toBeLessThan(Number.MAX_SAFE_INTEGER)
  })

  it('ends a job that lacked nothing but its end', () => {
    const job = ledgerJob(signed, { settled: [settled(0, 20)] })
    const coordinator = lead({ state: ledgerState(job), values: holding(Array.from({ length: 20 }, (_, unit) => unit)) })
    expect(coordinator.job(job.id)).toMatchObject({ state: 'completed', reduced: { kind: 'sum', sum: '190' } })
  })

  it('leaves ended and cancelled jobs alone', async () => {
    const other = await signedJob(3)
    const ended = ledgerJob(signed, { ended: { state: 'failed', settled: 0, root: blobRef(KERNEL).sha256 } })
    const coordinator = lead({ state: ledgerState(ended, ledgerJob(other, { cancelled: true })) })
    expect(coordinator.jobs({ limit: 10 }).items).toEqual([])
  })

  it('waits for programs that it does not hold', async () => {
    const job = ledgerJob(signed)
    let here = false
    const coordinator = lead({ state: ledgerState(job), hasBlob: () => here })
    expect(coordinator.job(job.id).state).toBe('queued')
    here = true
    await coordinator.blobArrived(blobRef(KERNEL).sha256)
    expect(coordinator.job(job.id).state).toBe('running')
  })

  it('remembers who has earned what', () => {
    const account = 'A'.repeat(43) as AccountId
    const coordinator = lead({ state: { ...ledgerState(), credit: new Map([[account, 7]]) } })
    expect([...coordinator.credit()]).toEqual([[account, 7]])
  })
})
