/** One Ed25519 private key in a file: PKCS#8 PEM, mode 0600, as openssl reads and writes it. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { exportPrivateKey, generateKeyPair, importPrivateKey, PeerComputeError, type Bytes, type KeyPair } from '@peercompute/job-specs'
import { writeFileAtomically } from '../config/atomic-file.ts'
import { errorCode, errorMessage } from '../config/error-code.ts'

/** Loads the key, or makes one when there is no file. Throws KEY_INVALID. */
export async function loadOrCreateKey(path: string): Promise<KeyPair> {
  const text = await readSecret(path)
  if (text !== null) return keyFromPem(text, path)
  const pair = await generateKeyPair({ extractable: true })
  await writeFileAtomically(path, await keyToPem(pair))
  return pair
}

/** Null when there is no such file. Throws KEY_INVALID when others could read it: a leaked secret must be replaced, not used. */
export async function readSecret(path: string): Promise<string | null> {
  try {
    const { mode } = await stat(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new PeerComputeError(
        'KEY_INVALID',
        `${path} is readable by others (mode ${(mode & 0o777).toString(8)}); if nobody has copied it: chmod 600`
      )
    }
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof PeerComputeError) throw cause
    if (errorCode(cause) === 'ENOENT') return null
    throw new PeerComputeError('KEY_INVALID', `${path}: ${errorMessage(cause)}`, { cause })
  }
}

/** `source` names the file in the error. `passphrase` opens an encrypted PEM. */
export async function keyFromPem(pem: string, source: string, passphrase?: string): Promise<KeyPair> {
  try {
    const key = createPrivateKey(passphrase === undefined ? pem : { key: pem, format: 'pem', passphrase })
    if (key.asymmetricKeyType !== 'ed25519')
      throw new TypeError(`holds a key of type ${key.asymmetricKeyType ?? 'unknown'}, wanted is ed25519`)
    return await importPrivateKey(new Uint8Array(key.export({ type: 'pkcs8', format: 'der' })))
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', `${source}: ${errorMessage(cause)}`, { cause })
  }
}

/** With a passphrase the PEM is encrypted (PKCS#8, AES-256-CBC). */
export async function keyToPem(pair: KeyPair, passphrase?: string): Promise<string> {
  const key = await keyObject(pair)
  const pem = key.export({ type: 'pkcs8', format: 'pem', ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }) })
  return pem.toString()
}

/** The 32 secret bytes, for libraries with their own key classes. */
export async function keySeed(pair: KeyPair): Promise<Bytes> {
  const { d } = (await keyObject(pair)).export({ format: 'jwk' })
  if (d === undefined) throw new PeerComputeError('KEY_INVALID', 'the key has no private part')
  return new Uint8Array(Buffer.from(d, 'base64url'))
}

async function keyObject(pair: KeyPair): Promise<KeyObject> {
  return createPrivateKey({ key: Buffer.from(await exportPrivateKey(pair)), format: 'der', type: 'pkcs8' })
}
