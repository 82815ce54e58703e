import { createIdentity, type Identity } from '../identity/identity.ts'

export function testIdentity(): Promise<Identity> {
  return createIdentity({ label: 'test machine', now: 1_700_000_000_000, extractableHost: true })
}

export const TEST_HOST = {
  agent: 'peercompute/test',
  memoryBytes: 0,
  executors: [
    { kind: 'js' as const, slots: 1, numericClass: 'js-test', probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }
  ]
}
