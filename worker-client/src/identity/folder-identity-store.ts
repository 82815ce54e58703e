import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exportPrivateKey, identityFileSchema, toBase64Url, PeerComputeError, type IdentityFile } from '@peercompute/job-specs'
import { isMissing } from '../storage/is-missing.ts'
import { checkIdentity, importKey, type Identity, type IdentityStore } from './identity.ts'

const FILE = 'identity.json'

/** Keeps the identity in `<folder>/identity.json`: folder 0700, file 0600, written whole or not at all. */
export function createFolderIdentityStore(folder: string): IdentityStore {
  const path = join(folder, FILE)

  const load = async (): Promise<Identity | null> => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return null
      throw new PeerComputeError('KEY_INVALID', `Cannot read ${FILE}`, { cause: error })
    })
    return text === null ? null : fromFile(text)
  }

  /** Writes a complete temporary file, which `publish` then gives its name. */
  const write = async (identity: Identity, publish: (temporary: string) => Promise<void>): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const temporary = join(folder, `.${FILE}.${crypto.randomUUID()}`)
    try {
      const file = await open(temporary, 'wx', 0o600)
      try {
        await file.writeFile(JSON.stringify(await toFile(identity), null, 2) + '\n')
        await file.sync()
      } finally {
        await file.close()
      }
      await publish(temporary)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  return {
    load,
    async create(identity) {
      try {
        // A link fails where a rename would overwrite: the first of two processes wins.
        await write(identity, (temporary) => link(temporary, path))
        return identity
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        return (await load()) ?? identity
      }
    },
    replace: (identity) => write(identity, (temporary) => rename(temporary, path))
  }
}

async function toFile(identity: Identity): Promise<IdentityFile> {
  return {
    v: 1,
    certificate: identity.certificate,
    accountKey: toBase64Url(await exportPrivateKey(identity.account)),
    hostKey: toBase64Url(await exportPrivateKey(identity.host))
  }
}

async function fromFile(text: string): Promise<Identity> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', `${FILE} is not JSON`, { cause })
  }
  const parsed = identityFileSchema.safeParse(json)
  if (!parsed.success) throw new PeerComputeError('KEY_INVALID', `${FILE} is not an identity`, { cause: parsed.error })
  return checkIdentity({
    account: await importKey(parsed.data.accountKey, 'account'),
    host: await importKey(parsed.data.hostKey, 'host'),
    certificate: parsed.data.certificate
  })
}
