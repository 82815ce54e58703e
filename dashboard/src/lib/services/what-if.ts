/** What a rule of verification would cost, and let through, on a fleet that is assumed. Computed in this page. */
import type { FleetAssumptions, JobSpec } from '@peercompute/job-specs'
import type { TrustEstimate } from '@peercompute/relay-coordinator/simulation'

export interface WhatIf extends Pick<JobSpec, 'unitCount' | 'verification'> {
  readonly fleet: FleetAssumptions
}

/** Longer answers are not waited for. */
const DEADLINE_MS = 30_000

/** Rejects when the simulation fails or takes too long, and with the signal's reason. */
export function askWhatIf(question: WhatIf, signal: AbortSignal): Promise<TrustEstimate> {
  const worker = new Worker(new URL('./what-if.worker.ts', import.meta.url), { type: 'module', name: 'what-if' })
  const ended = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)])
  return new Promise<TrustEstimate>((resolve, reject) => {
    ended.addEventListener('abort', () => {
      reject(ended.reason instanceof Error ? ended.reason : new Error('given up'))
    })
    worker.onmessage = ({ data }: MessageEvent<TrustEstimate>) => {
      resolve(data)
    }
    worker.onerror = ({ message }) => {
      reject(new Error(message === '' ? 'the simulator could not be started' : message))
    }
    worker.postMessage(question)
  }).finally(() => {
    worker.terminate()
  })
}
