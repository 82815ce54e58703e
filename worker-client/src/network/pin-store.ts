import type { CoordinatorInfo, RootId } from '@peercompute/job-specs'

/** Which root key belongs to which coordinator, as learnt out of band or at the first contact, and what that coordinator said last. */
export interface PinStore {
  get(coordinator: string): Promise<RootId | null>
  set(coordinator: string, root: RootId): Promise<void>
  /** What it said about itself when it was last reached; null when it never was, or when that cannot be read any more. */
  lastInfo(coordinator: string): Promise<CoordinatorInfo | null>
  setLastInfo(coordinator: string, info: CoordinatorInfo): Promise<void>
}

export function createMemoryPinStore(): PinStore {
  const pins = new Map<string, RootId>()
  const infos = new Map<string, CoordinatorInfo>()
  return {
    get: async (coordinator) => pins.get(coordinator) ?? null,
    set: async (coordinator, root) => {
      pins.set(coordinator, root)
    },
    lastInfo: async (coordinator) => infos.get(coordinator) ?? null,
    setLastInfo: async (coordinator, info) => {
      infos.set(coordinator, info)
    }
  }
}
