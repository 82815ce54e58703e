import { describe, expect, it } from 'vitest'
import {
  CAPABILITIES,
  capabilityNames,
  capabilityObstacle,
  missingCapabilities,
  probeCapabilities,
  type ProbedScope
} from './capabilities.ts'

const database = {
  open: () => {
    const request = { result: { close: () => undefined }, onsuccess: null as (() => void) | null, onerror: null }
    queueMicrotask(() => request.onsuccess?.())
    return request as never
  },
  deleteDatabase: () => ({}) as never
}
const gpu = { requestAdapter: () => Promise.resolve({} as GPUAdapter) }
const complete: ProbedScope = {
  isSecureContext: true,
  navigator: { gpu, locks: {} },
  crypto: globalThis.crypto,
  indexedDB: database,
  RTCPeerConnection: Object,
  CompressionStream: Object,
  DecompressionStream: Object
}
const yes = { dataWorker: () => Promise.resolve(true) }

describe('the capabilities of a browser', () => {
  it('are all found where all are there', async () => {
    const report = await probeCapabilities(complete, yes)
    expect(missingCapabilities(report)).toEqual([])
    expect(capabilityObstacle(report)).toBeNull()
  })

  it('count what was not looked at as neither there nor missing', async () => {
    const report = await probeCapabilities(complete)
    expect(report['data-worker']).toBeNull()
    const few = await probeCapabilities({ ...complete, crypto: {}, indexedDB: null }, { only: ['ed25519'] })
    expect(few).toMatchObject({ ed25519: false, indexeddb: null, webgpu: null })
    expect(missingCapabilities(report)).toEqual([])
  })

  it('are found missing one by one, each with what is lost and what still works', async () => {
    const without: readonly (readonly [string, ProbedScope])[] = [
      ['secure-context', { ...complete, isSecureContext: false }],
      ['ed25519', { ...complete, crypto: { subtle: { generateKey: () => Promise.reject(new Error('unknown algorithm')) } } }],
      ['indexeddb', { ...complete, indexedDB: null }],
      ['webgpu', { ...complete, navigator: { locks: {} } }],
      ['webrtc', { ...complete, RTCPeerConnection: undefined }],
      ['web-locks', { ...complete, navigator: { gpu } }],
      ['compression', { ...complete, DecompressionStream: undefined }]
    ]
    for (const [name, scope] of without) expect(missingCapabilities(await probeCapabilities(scope, yes))).toEqual([name])
    expect(missingCapabilities(await probeCapabilities(complete, { dataWorker: () => Promise.reject(new Error('refused')) }))).toEqual([
      'data-worker'
    ])
    for (const name of capabilityNames) {
      expect(CAPABILITIES[name].lost).toMatch(/\.$/)
      expect(CAPABILITIES[name].still).toMatch(/\.$/)
    }
  })

  it('keep from computing only where nothing else can stand in', async () => {
    const poor: ProbedScope = { isSecureContext: true, navigator: {}, crypto: globalThis.crypto, indexedDB: database }
    expect(capabilityObstacle(await probeCapabilities(poor, yes))).toBeNull()
    expect(capabilityObstacle(await probeCapabilities({ ...complete, crypto: {} }, yes))).toBe('ed25519')
  })

  it('name the address first on an insecure origin, where the rest is missing because of it', async () => {
    const report = await probeCapabilities({ isSecureContext: false, navigator: {}, crypto: {} })
    expect(capabilityObstacle(report)).toBe('secure-context')
  })

  it('hold a database that only refuses for missing', async () => {
    const refusing = {
      open: () => {
        throw new DOMException('no storage here', 'SecurityError')
      },
      deleteDatabase: database.deleteDatabase
    }
    expect((await probeCapabilities({ ...complete, indexedDB: refusing }, yes)).indexeddb).toBe(false)
  })
})
