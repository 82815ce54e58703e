/**
 * How long units take, by program and device class: a histogram with logarithmic buckets of milliseconds for each million
 * operations, so that jobs of one program with units of different size share what is known. In memory only: a few reports teach it again.
 * The times are the hosts' own claims: they decide when another host is asked, never what is believed.
 */
import type { ExecutorKind, JobSpec } from '@peercompute/job-specs'

/** Four buckets an octave: an estimate is at most 19 % too high. */
const PER_OCTAVE = 4
const BUCKETS = 512
/** The bucket of 1 ms for a million operations. */
const ZERO = 192
/** Below this many samples nothing is said. */
export const SAMPLES_MIN = 10
/** Older samples count half when so many have come. */
const SAMPLES_HALVED = 4_096
const CLASSES_MAX = 4_096

interface Histogram {
  readonly counts: Uint32Array
  samples: number
}

export class Runtimes {
  readonly #classes = new Map<string, Histogram>()

  add(spec: JobSpec, kind: ExecutorKind, numericClass: string, computeMs: number): void {
    const key = classKey(spec, kind, numericClass)
    let histogram = this.#classes.get(key)
    if (histogram === undefined) {
      if (this.#classes.size >= CLASSES_MAX)
        for (const oldest of [...this.#classes.keys()].slice(0, CLASSES_MAX / 2)) this.#classes.delete(oldest)
      this.#classes.set(key, (histogram = { counts: new Uint32Array(BUCKETS), samples: 0 }))
    }
    const bucket = bucketOf(computeMs / (spec.unitOperations / 1e6))
    histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1
    if (++histogram.samples < SAMPLES_HALVED) return
    histogram.samples = 0
    for (let i = 0; i < BUCKETS; i++) histogram.samples += histogram.counts[i] = (histogram.counts[i] ?? 0) >>> 1
  }

  /** Milliseconds within which this share of the units of a job was done on hosts of the class; null while too few are known. */
  percentile(spec: JobSpec, kind: ExecutorKind, numericClass: string, share: number): number | null {
    const histogram = this.#classes.get(classKey(spec, kind, numericClass))
    if (histogram === undefined || histogram.samples < SAMPLES_MIN) return null
    let left = Math.ceil(histogram.samples * share)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= histogram.counts[bucket] ?? 0
      if (left <= 0) return 2 ** ((bucket + 1 - ZERO) / PER_OCTAVE) * (spec.unitOperations / 1e6)
    }
    return null
  }
}

function bucketOf(ms: number): number {
  if (!(ms > 0)) return 0
  return Math.min(BUCKETS - 1, Math.max(0, ZERO + Math.floor(Math.log2(ms) * PER_OCTAVE)))
}

function classKey({ kernel }: JobSpec, kind: ExecutorKind, numericClass: string): string {
  const program = kind === 'webgpu' ? kernel.wgsl : kernel[kind]
  return `${program?.blob.sha256 ?? ''}/${kind}/${numericClass}`
}
