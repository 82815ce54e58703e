/** Without --data: the person's own keys. With --data: the keys of the coordinator that lives in that folder. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeerComputeError, type CoordinatorCertificate } from '@peercompute/job-specs'
import { json, type Context, type SharedOptions } from '../context.ts'
import { createPinStore } from '../user/pins.ts'
import { userFolder } from '../user/folder.ts'

export interface KeyOptions extends SharedOptions {
  readonly data?: string
}

export interface RecoverOptions extends KeyOptions {
  readonly replace?: true
}

const PASSPHRASE = 'PEERCOMPUTE_PASSPHRASE'

function passphrase(context: Context): string {
  const text = context.env[PASSPHRASE]
  if (text === undefined || text === '')
    throw new PeerComputeError('CONFIG_INVALID', `The keys of a coordinator are encrypted: set ${PASSPHRASE}`)
  return text
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', `${file}: ${cause instanceof Error ? cause.message : 'it cannot be read'}`, { cause })
  }
}

async function writeSecret(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw new PeerComputeError(
      'CONFIG_INVALID',
      `${file}: ${exists ? 'it exists already, and keys are not overwritten' : cause instanceof Error ? cause.message : 'it cannot be written'}`,
      { cause }
    )
  }
}

async function say(context: Context, options: KeyOptions, values: Readonly<Record<string, unknown>>, sentence: string): Promise<void> {
  if (options.json) await context.terminal.data(json(values))
  else context.terminal.talk(sentence)
}

const coordinatorKeys = () => import('@peercompute/relay-coordinator')
const keysFolder = (data: string) => join(data, 'keys')

function describe(certificate: CoordinatorCertificate): Readonly<Record<string, unknown>> {
  return { root: certificate.root, operational: certificate.operational, serial: certificate.serial }
}

export async function showKeys(context: Context, options: KeyOptions): Promise<void> {
  const { terminal } = context
  const write = async (values: Readonly<Record<string, unknown>>) => {
    if (options.json) return terminal.data(json(values))
    await terminal.data(
      Object.entries(values)
        .map(([name, value]) => `${name.padEnd(12)} ${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
        .join('')
    )
  }
  if (options.data !== undefined) {
    const { loadCoordinatorKeys, openDataFolder } = await coordinatorKeys()
    const folder = await openDataFolder(options.data)
    try {
      await write(describe((await loadCoordinatorKeys(folder.keys, Date.now())).certificate))
    } finally {
      await folder.release()
    }
    return
  }
  const { ownIdentity } = await import('../user/identity.ts')
  const { certificate } = await ownIdentity(context.env)
  const folder = userFolder(context.env)
  await write({
    account: certificate.account,
    installation: certificate.host,
    label: certificate.label,
    folder,
    pinned: await createPinStore(folder).all()
  })
}

export async function exportKeys(context: Context, file: string, options: KeyOptions): Promise<void> {
  if (options.data !== undefined) {
    const exported = await (await coordinatorKeys()).exportKeys(keysFolder(options.data), passphrase(context))
    await writeSecret(file, `${exported}\n`)
  } else {
    const { exportIdentity } = await import('@peercompute/worker-client/node')
    const { ownIdentity } = await import('../user/identity.ts')
    await writeSecret(file, json(await exportIdentity(await ownIdentity(context.env))))
  }
  await say(
    context,
    options,
    { file },
    `Written to ${file}. Whoever has it can act as ${options.data === undefined ? 'you' : 'the coordinator, given the passphrase'}: keep it in a safe place.`
  )
}

export async function rotateKeys(context: Context, options: KeyOptions): Promise<void> {
  if (options.data !== undefined) {
    const certificate = await (await coordinatorKeys()).rotateOperationalKey(keysFolder(options.data), Date.now())
    return say(
      context,
      options,
      describe(certificate),
      `The coordinator works with key ${certificate.operational} (serial ${certificate.serial}); its root, which clients pinned, stays.`
    )
  }
  const { exportIdentity, importIdentity } = await import('@peercompute/worker-client/node')
  const { identityStore, newIdentityOptions, ownIdentity } = await import('../user/identity.ts')
  const fresh = await importIdentity(await exportIdentity(await ownIdentity(context.env)), newIdentityOptions())
  await identityStore(context.env).replace(fresh)
  await say(
    context,
    options,
    { account: fresh.certificate.account, installation: fresh.certificate.host },
    `This installation works with key ${fresh.certificate.host}; the account, its jobs and its credit stay.`
  )
}

export async function recoverKeys(context: Context, file: string, options: RecoverOptions): Promise<void> {
  const text = await readText(file)
  if (options.data !== undefined) {
    const { openDataFolder, recoverKeys: recover } = await coordinatorKeys()
    const folder = await openDataFolder(options.data)
    try {
      const certificate = await recover(folder.keys, text, passphrase(context))
      await say(context, options, describe(certificate), `The coordinator with root ${certificate.root} is back.`)
    } finally {
      await folder.release()
    }
    return
  }
  const { importIdentity } = await import('@peercompute/worker-client/node')
  const { identityStore, newIdentityOptions } = await import('../user/identity.ts')
  let exported: unknown
  try {
    exported = JSON.parse(text)
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', `${file} is not JSON`, { cause })
  }
  const fresh = await importIdentity(exported, newIdentityOptions())
  const store = identityStore(context.env)
  const present = await store.load()
  const { account, host } = fresh.certificate
  if (present !== null && present.certificate.account !== account && !options.replace) {
    throw new PeerComputeError(
      'KEY_INVALID',
      `This machine has the account ${present.certificate.account}: export it first, then pass --replace`
    )
  }
  await store.replace(fresh)
  await say(context, options, { account, installation: host }, `Account ${account} is back, with a new key for this installation.`)
}

export async function forgetPin(context: Context, url: string, options: KeyOptions): Promise<void> {
  if (!URL.canParse(url)) throw new PeerComputeError('CONFIG_INVALID', `"${url}" is not an address like https://compute.example.org`)
  const address = url.replace(/\/+$/, '')
  const forgotten = await createPinStore(userFolder(context.env)).forget(address)
  await say(
    context,
    options,
    { forgotten },
    forgotten ? `The pin of ${address} is removed; the next contact pins again.` : `Nothing was pinned for ${address}.`
  )
}
