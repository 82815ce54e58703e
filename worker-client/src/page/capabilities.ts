/** What a browser must have for a volunteer's page, what is lost without each part, and what works all the same. Imports nothing. */

export const CAPABILITIES = {
  'secure-context': {
    name: 'Secure address',
    about: 'Begins with https, or is this machine itself. Keys, the graphics card and storage ask for it.',
    lost: 'This address is not secure, so the browser keeps keys and graphics card from this page: it cannot compute.',
    still: 'Jobs and results can be read. Open the page through https, or on the computer that runs the coordinator.',
    needed: true
  },
  ed25519: {
    name: 'Signatures (Ed25519)',
    about: 'Every answer is signed by a key that stays in this browser.',
    lost: 'This browser cannot sign answers, so it cannot compute here.',
    still: 'Jobs and results can be read. Chrome and Edge from 137, Firefox from 129 and Safari from 17 can sign.',
    needed: true
  },
  'data-worker': {
    name: 'Workers in the sandbox',
    about: 'Programs of jobs run in workers without network or storage, made from a data: address.',
    lost: 'The sandbox cannot start workers in this browser, so programs of jobs cannot be shut in and do not run.',
    still: 'Jobs and results can be read. A current Chrome, Edge, Firefox or Safari can start them, unless an extension forbids it.',
    needed: true
  },
  indexeddb: {
    name: 'Storage (IndexedDB)',
    about: 'Keeps the key, answers that are not sent yet, and the copy of the ledger.',
    lost: 'Nothing can be kept in this browser, not even its key, so it cannot compute here.',
    still: 'Jobs and results can be read. A private window often has no storage: use an ordinary one.',
    needed: true
  },
  webgpu: {
    name: 'Graphics card (WebGPU)',
    about: 'Lets jobs use the graphics card.',
    lost: 'This browser does not offer its graphics card.',
    still: 'The processor computes, more slowly.',
    needed: false
  },
  webrtc: {
    name: 'Direct connections (WebRTC)',
    about: 'Connects two browsers without anybody in between.',
    lost: 'This browser cannot connect to others directly.',
    still: 'Everything goes through the relay, which is slower for large files.',
    needed: false
  },
  'web-locks': {
    name: 'Locks between tabs (Web Locks)',
    about: 'Keeps two tabs of this browser from computing the same.',
    lost: 'This browser cannot keep two tabs apart, and two tabs must not compute at once.',
    still: 'One tab computes as ever. Start computing in one tab only.',
    needed: false
  },
  compression: {
    name: 'Compression streams',
    about: 'Reads the compressed summary of the ledger’s history.',
    lost: 'This browser cannot read the summary of the ledger’s history.',
    still: 'It reads the feeds one by one, which takes longer after a long history.',
    needed: false
  }
} as const satisfies Record<string, CapabilityEntry>

interface CapabilityEntry {
  readonly name: string
  /** What it is for. */
  readonly about: string
  /** What is lost without it. */
  readonly lost: string
  /** What works all the same, or what to do. */
  readonly still: string
  /** Nothing is computed here without it. */
  readonly needed: boolean
}

export type CapabilityName = keyof typeof CAPABILITIES
export const capabilityNames = Object.keys(CAPABILITIES) as CapabilityName[]
/** `null`: not looked at. */
export type CapabilityReport = Readonly<Record<CapabilityName, boolean | null>>

/** What of a window is looked at. Older browsers lack what the types promise. */
export interface ProbedScope {
  readonly isSecureContext: boolean
  readonly navigator: { readonly gpu?: Pick<GPU, 'requestAdapter'>; readonly locks?: unknown }
  readonly crypto: {
    readonly subtle?: { generateKey(algorithm: 'Ed25519', extractable: boolean, usages: readonly ('sign' | 'verify')[]): Promise<unknown> }
  }
  readonly indexedDB?: Pick<IDBFactory, 'open' | 'deleteDatabase'> | null
  readonly RTCPeerConnection?: unknown
  readonly CompressionStream?: unknown
  readonly DecompressionStream?: unknown
}

const PROBE_DATABASE = 'peercompute-probe'

type Probe = (scope: ProbedScope) => boolean | Promise<boolean>

/** By trying, not by the browser's name. Whether the sandbox starts workers takes a frame and a moment: see `probeDataWorker`. */
const PROBES: Readonly<Record<Exclude<CapabilityName, 'data-worker'>, Probe>> = {
  'secure-context': ({ isSecureContext }) => isSecureContext,
  ed25519: async ({ crypto }) => (await crypto.subtle?.generateKey('Ed25519', false, ['sign', 'verify'])) !== undefined,
  indexeddb: ({ indexedDB }) => canStore(indexedDB ?? null),
  webgpu: async ({ navigator }) => ((await navigator.gpu?.requestAdapter()) ?? null) !== null,
  webrtc: ({ RTCPeerConnection }) => RTCPeerConnection !== undefined,
  'web-locks': ({ navigator }) => navigator.locks !== undefined,
  compression: ({ CompressionStream, DecompressionStream }) => CompressionStream !== undefined && DecompressionStream !== undefined
}

export interface ProbeOptions {
  /** Look at these only. By default at everything that is quick. */
  readonly only?: readonly CapabilityName[]
  /** Tries the sandbox. Left out, it is not looked at. */
  readonly dataWorker?: () => Promise<boolean>
}

/** Never rejects: what fails is missing. */
export async function probeCapabilities(
  scope: ProbedScope,
  { only = capabilityNames, dataWorker }: ProbeOptions = {}
): Promise<CapabilityReport> {
  const look = async (name: CapabilityName): Promise<readonly [CapabilityName, boolean | null]> => {
    const probe = name === 'data-worker' ? dataWorker : PROBES[name]
    if (probe === undefined || !only.includes(name)) return [name, null]
    try {
      return [name, await probe(scope)]
    } catch {
      return [name, false]
    }
  }
  return Object.fromEntries(await Promise.all(capabilityNames.map(look))) as CapabilityReport
}

/** What is looked at and missing, in the order of the list: what keeps the page from computing comes first. */
export function missingCapabilities(report: CapabilityReport): CapabilityName[] {
  return capabilityNames.filter((name) => report[name] === false)
}

/** The first reason for which this browser cannot compute, or null. Without a secure address the rest is missing for that reason. */
export function capabilityObstacle(report: CapabilityReport): CapabilityName | null {
  return missingCapabilities(report).find((name) => CAPABILITIES[name].needed) ?? null
}

/** Private windows of some browsers have the interface and refuse its use. */
function canStore(factory: ProbedScope['indexedDB']): Promise<boolean> {
  return new Promise((resolve) => {
    if (factory === null || factory === undefined) {
      resolve(false)
      return
    }
    const request = factory.open(PROBE_DATABASE)
    request.onerror = () => {
      resolve(false)
    }
    request.onsuccess = () => {
      request.result.close()
      factory.deleteDatabase(PROBE_DATABASE)
      resolve(true)
    }
  })
}
