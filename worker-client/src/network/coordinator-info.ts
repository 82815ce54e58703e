import {
  concat,
  coordinatorInfoSchema,
  fromUtf8,
  PeerComputeError,
  verifyCoordinatorCertificate,
  type CoordinatorInfo,
  type RootId
} from '@peercompute/job-specs'
import { coordinatorUrl } from './coordinator-url.ts'
import type { PinStore } from './pin-store.ts'
import { readChunks } from './read-body.ts'

const INFO_MAX_BYTES = 65_536

/** `GET /api/v1/coordinator`. `relay`: PeerId of the relay where this client was last. Rejects with COORDINATOR_UNREACHABLE when nothing usable comes. */
export async function fetchCoordinatorInfo(
  coordinator: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
  relay?: string
): Promise<CoordinatorInfo> {
  const url = coordinatorUrl(coordinator, relay === undefined ? 'coordinator' : `coordinator?relay=${encodeURIComponent(relay)}`)
  try {
    const response = await fetch(url, { signal, headers: { accept: 'application/json' } })
    if (!response.ok || response.body === null) throw new Error(`Status ${response.status}`)
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of readChunks(response.body)) {
      bytes += chunk.length
      if (bytes > INFO_MAX_BYTES) throw new Error(`More than ${INFO_MAX_BYTES} bytes`)
      chunks.push(chunk)
    }
    return coordinatorInfoSchema.parse(JSON.parse(fromUtf8(concat(chunks))))
  } catch (cause) {
    throw new PeerComputeError('COORDINATOR_UNREACHABLE', `No coordinator answers at ${url}`, { cause })
  }
}

/**
 * The root that this client believes: the one given, else the one pinned, else, at the first contact, the one that is met; it
 * is pinned then. Rejects with COORDINATOR_UNTRUSTED when the certificate does not hold under it.
 */
export async function trustedRoot(init: {
  readonly info: CoordinatorInfo
  readonly coordinator: string
  readonly pins: PinStore
  readonly given?: RootId
}): Promise<RootId> {
  const { info, coordinator, pins } = init
  const known = init.given ?? (await pins.get(coordinator))
  const root = known ?? info.certificate.root
  if (!(await verifyCoordinatorCertificate(info.certificate, root))) {
    throw new PeerComputeError(
      'COORDINATOR_UNTRUSTED',
      `${coordinator} shows a certificate of root ${info.certificate.root}, pinned is ${root}`
    )
  }
  if (known === null) await pins.set(coordinator, root)
  return root
}
