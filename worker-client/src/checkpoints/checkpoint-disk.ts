/** Where saved states and held leases rest: records by key, written whole or not at all. */
export interface CheckpointDisk {
  /** Every record, the one that was written longest ago first. */
  list(): Promise<readonly { readonly key: string; readonly bytes: number }[]>
  read(key: string): Promise<Uint8Array | null>
  write(key: string, record: Uint8Array): Promise<void>
  remove(key: string): Promise<void>
}
