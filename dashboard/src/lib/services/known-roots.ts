/** Root keys that this page knows of: that of the coordinator which it comes from. A file of another one is checked all the same. */
import { coordinatorInfoSchema } from '@peercompute/job-specs'
import { API } from './api.ts'
import { ask } from './http.ts'

/** Empty when the coordinator does not answer: a check needs none. */
export async function knownRoots(signal: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    return new Set([(await ask(`${API}/coordinator`, coordinatorInfoSchema, { signal })).root])
  } catch {
    signal.throwIfAborted()
    return new Set()
  }
}
