import {
  certifyHost,
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  accountExportSchema,
  verifyHostCertificate,
  fromBase64Url,
  toBase64Url,
  PeerComputeError,
  type AccountExport,
  type HostCertificate,
  type KeyPair
} from '@peercompute/job-specs'

/** Who computes here: a person's account, this installation's host key, and the account's word for it. */
export interface Identity {
  readonly account: KeyPair
  readonly host: KeyPair
  readonly certificate: HostCertificate
}

/** Where an identity rests. One store holds one identity. */
export interface IdentityStore {
  /** Null when there is none yet. Rejects with KEY_INVALID when what is there cannot be used. */
  load(): Promise<Identity | null>
  /** Keeps the identity if there is none, and returns the one that is kept: two tabs that start together end with the same. */
  create(identity: Identity): Promise<Identity>
  /** Puts another identity in its place, e.g. an imported account. */
  replace(identity: Identity): Promise<void>
}

export interface NewIdentityOptions {
  /** Name of this machine, shown to its owner only. At most 64 characters. */
  readonly label: string
  readonly now: number
  /** False keeps the host key inside the browser's key store; the account key can always be exported. */
  readonly extractableHost: boolean
}

export async function createIdentity(options: NewIdentityOptions): Promise<Identity> {
  return certify(await generateKeyPair({ extractable: true }), options)
}

export async function loadOrCreateIdentity(store: IdentityStore, options: NewIdentityOptions): Promise<Identity> {
  return (await store.load()) ?? (await store.create(await createIdentity(options)))
}

/** The account, for another device or the safe. The host key stays: each installation has its own. */
export async function exportIdentity(identity: Identity): Promise<AccountExport> {
  return accountExportSchema.parse({
    v: 1,
    account: identity.account.publicKey,
    privateKey: toBase64Url(await exportPrivateKey(identity.account))
  })
}

/** A new installation of an exported account. Rejects with KEY_INVALID when the value is no account export. */
export async function importIdentity(exported: unknown, options: NewIdentityOptions): Promise<Identity> {
  const parsed = accountExportSchema.safeParse(exported)
  if (!parsed.success) throw new PeerComputeError('KEY_INVALID', 'This is not an exported account', { cause: parsed.error })
  const account = await importKey(parsed.data.privateKey, 'account')
  if (account.publicKey !== parsed.data.account)
    throw new PeerComputeError('KEY_INVALID', 'The private key does not belong to the named account')
  return certify(account, options)
}

export async function importKey(privateKey: string, name: string): Promise<KeyPair> {
  try {
    return await importPrivateKey(fromBase64Url(privateKey))
  } catch (cause) {
    throw new PeerComputeError('KEY_INVALID', `The ${name} key is not an Ed25519 private key in PKCS#8`, { cause })
  }
}

/** Throws KEY_INVALID unless the certificate names both keys and holds. */
export async function checkIdentity(identity: Identity): Promise<Identity> {
  const { account, host, certificate } = identity
  if (certificate.account !== account.publicKey || certificate.host !== host.publicKey)
    throw new PeerComputeError('KEY_INVALID', 'The certificate is of other keys')
  if (!(await verifyHostCertificate(certificate)))
    throw new PeerComputeError('KEY_INVALID', 'The signature of the certificate does not hold')
  return identity
}

async function certify(account: KeyPair, options: NewIdentityOptions): Promise<Identity> {
  const host = await generateKeyPair({ extractable: options.extractableHost })
  return { account, host, certificate: await certifyHost(account, host.publicKey, options.label.slice(0, 64), options.now) }
}
