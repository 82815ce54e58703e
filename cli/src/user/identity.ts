/** Who this person is on this machine: the account, and the key of this installation. Shared with the headless volunteer. */
import {
  createFolderIdentityStore,
  loadOrCreateIdentity,
  type Identity,
  type IdentityStore,
  type NewIdentityOptions
} from '@peercompute/worker-client/node'
import { userFolder } from './folder.ts'

export function newIdentityOptions(label = ''): NewIdentityOptions {
  return { label, now: Date.now(), extractableHost: true }
}

export function identityStore(env: Readonly<Record<string, string | undefined>>, folder = userFolder(env)): IdentityStore {
  return createFolderIdentityStore(folder)
}

/** Made at the first need. Rejects with KEY_INVALID when the file cannot be used. */
export function ownIdentity(env: Readonly<Record<string, string | undefined>>, folder?: string): Promise<Identity> {
  return loadOrCreateIdentity(identityStore(env, folder), newIdentityOptions())
}
