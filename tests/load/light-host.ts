/** A host with real keys, a real certificate and real signatures, whose answers cost nothing: a fixed function of the unit. */
import { hash } from 'node:crypto'
import {
  certifyHost,
  generateKeyPair,
  signReport,
  unitValueBytes,
  type ContentHash,
  type HostCertificate,
  type HostDescription,
  type JobSpec,
  type Lease,
  type Report
} from '@peercompute/job-specs'
import { signHello } from '@peercompute/job-specs/protocol'

/** `wrong`: alone with its value; `colluding`: with the same wrong value as all of that kind. */
export type Honesty = 'honest' | 'wrong' | 'colluding'

export interface LightHost {
  readonly certificate: HostCertificate
  readonly description: HostDescription
  readonly prove: (root: string, challenge: string) => Promise<{ readonly challenge: string; readonly sig: string }>
  /** All units of a part of a lease, done. */
  report(spec: JobSpec, lease: Lease, start: number, count: number): Promise<{ readonly report: Report; readonly values: Uint8Array }>
}

const NUMERIC_CLASS = 'load'
const COLLUDING_MASK = 0x5a5a5a5a

export interface LightHostInit {
  /** Tells liars apart. */
  readonly index: number
  readonly honesty: Honesty
  /** Share of the units about which a liar lies, 0 to 1. Those who collude lie about the same ones, which is hardest to find. */
  readonly lieRate: number
  /** Executions before the first lie. */
  readonly honestFor: number
}

export async function createLightHost({ index, honesty, lieRate, honestFor }: LightHostInit): Promise<LightHost> {
  const [keys, account] = await Promise.all([generateKeyPair({ extractable: false }), generateKeyPair({ extractable: false })])
  const certificate = await certifyHost(account, keys.publicKey, '', Date.now())
  const mask = honesty === 'honest' ? 0 : honesty === 'colluding' ? COLLUDING_MASK : index + 1
  let executions = 0
  return {
    certificate,
    description: {
      agent: 'load/1',
      memoryBytes: 2 ** 30,
      executors: [
        { kind: 'js', slots: 1, numericClass: NUMERIC_CLASS, probeVersion: 1, features: [], software: false, operationsPerSecond: 0 }
      ]
    },
    prove: async (root, challenge) => ({ challenge, sig: await signHello(keys, root, challenge) }),
    async report(spec, lease, start, count) {
      const bytes = unitValueBytes(spec.outputs)
      const values = Buffer.alloc(bytes * count)
      const units: Report['units'] = []
      for (let offset = 0; offset < count; offset++) {
        const value = values.subarray(offset * bytes, (offset + 1) * bytes)
        const unit = start + offset
        value.fill(valueOf(unit, ++executions > honestFor && liesAbout(unit, mask, lieRate) ? mask : 0, bytes))
        const digest = hash('sha256', value, 'hex') as ContentHash
        units.push({ outcome: 'success', unit, digest, bytes, computeMs: 1 })
      }
      const report = await signReport(keys, {
        v: 1,
        job: lease.job,
        epoch: lease.epoch,
        host: certificate.host,
        executor: lease.executor,
        numericClass: NUMERIC_CLASS,
        probeVersion: 1,
        ts: Date.now(),
        units
      })
      return { report, values }
    }
  }
}

/** A coin for each unit, the same for all with that mask. */
function liesAbout(unit: number, mask: number, rate: number): boolean {
  const mixed = Math.imul((unit + 1) ^ mask, 2_246_822_519)
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32 < rate
}

/** What an honest volunteer answers, for an output of that many bytes: its first four, little-endian, are a `u32`. */
export function honestValue(unit: number, bytes: number): Uint8Array {
  return Buffer.alloc(bytes, valueOf(unit, 0, bytes))
}

/** A few bytes that depend on the unit; they fill a value of any length. */
function valueOf(unit: number, mask: number, bytes: number): Uint8Array {
  const word = Buffer.alloc(4)
  // Knuth's multiplicative hash: units next to each other have nothing in common.
  word.writeUInt32LE((Math.imul(unit, 2_654_435_761) ^ mask) >>> 0)
  return word.subarray(0, Math.min(4, bytes))
}
