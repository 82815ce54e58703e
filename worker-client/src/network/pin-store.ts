import type { RootId } from '@peercompute/job-specs'

/** Which root key belongs to which coordinator, as learnt out of band or at the first contact. */
export interface PinStore {
  get(coordinator: string): Promise<RootId | null>
  set(coordinator: string, root: RootId): Promise<void>
}

export function createMemoryPinStore(): PinStore {
  const pins = new Map<string, RootId>()
  return {
    get: async (coordinator) => pins.get(coordinator) ?? null,
    set: async (coordinator, root) => {
      pins.set(coordinator, root)
    }
  }
}
