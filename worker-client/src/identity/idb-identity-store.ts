import { PeerComputeError } from '@peercompute/job-specs'
import { openClientDatabase } from '../storage/client-database.ts'
import { checkIdentity, type Identity, type IdentityStore } from './identity.ts'

const KEY = 'current'

/** Keeps the identity of one browser profile. The keys are CryptoKey objects: the host key never leaves the key store. */
export function createIdbIdentityStore(databaseName?: string): IdentityStore {
  return {
    async load() {
      const database = await openClientDatabase(databaseName)
      try {
        const identity = await database.get('identity', KEY)
        return identity === undefined ? null : await checkIdentity(identity)
      } catch (cause) {
        if (cause instanceof PeerComputeError) throw cause
        throw new PeerComputeError('KEY_INVALID', 'The identity of this browser profile cannot be read', { cause })
      } finally {
        database.close()
      }
    },
    async create(identity) {
      const database = await openClientDatabase(databaseName)
      try {
        const transaction = database.transaction('identity', 'readwrite')
        const kept: Identity | undefined = await transaction.store.get(KEY)
        if (kept === undefined) await transaction.store.put(identity, KEY)
        await transaction.done
        return kept ?? identity
      } finally {
        database.close()
      }
    },
    async replace(identity) {
      const database = await openClientDatabase(databaseName)
      try {
        await database.put('identity', identity, KEY)
      } finally {
        database.close()
      }
    }
  }
}
