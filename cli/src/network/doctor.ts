/** Walks the way of a client into the network, step by step, and says of each step how it is. Changes nothing, pins nothing. */
import { DISCOVERY_TOPIC } from '@peercompute/job-specs/protocol'
import { PeerComputeError, verifyCoordinatorCertificate, type CoordinatorInfo, type RootId } from '@peercompute/job-specs'
import { dialPeers, groupRelays, type PeerNode } from '@peercompute/p2p'
import { count, duration } from '../output/format.ts'
import { failed, ok, skipped, type Check } from './check.ts'
import { startLightNode, type LightNode } from './light-node.ts'
import { recordsLacking } from './replica.ts'
import { webSocketUrl } from './relay-addresses.ts'
import { tryUpgrade } from './upgrade.ts'
import { within } from './within.ts'

/** Each step has so long. */
const STEP_MS = 10_000
const ROUND_TRIP_MS = 15_000
const WHO_ELSE = 'a second client of this command'

export interface DoctorInit {
  /** Null when only a relay was named. */
  readonly coordinator: {
    readonly url: string
    info(): Promise<CoordinatorInfo>
    /** The root that was pinned at an earlier contact. */
    pinned(): Promise<RootId | undefined>
  } | null
  /** Address of a relay, when one was named. */
  readonly relay?: string
  /** How long others may take to announce themselves. */
  readonly discoveryMs: number
  readonly onCheck: (check: Check) => void | Promise<void>
  /** Rejects the walk when it aborts; everything started is stopped. */
  readonly signal: AbortSignal
}

export async function walk(init: DoctorInit): Promise<readonly Check[]> {
  const checks: Check[] = []
  const tell = async (check: Check): Promise<void> => {
    checks.push(check)
    await init.onCheck(check)
  }
  const info = init.coordinator === null ? null : await askCoordinator(init.coordinator, tell)
  init.signal.throwIfAborted()
  const [relay, ...further] = groupRelays(init.relay === undefined ? [...(info?.addresses ?? []), ...(info?.relays ?? [])] : [init.relay])
  if (relay !== undefined) {
    await walkRelay(relay, info, init, tell)
    for (const addresses of further) await tell(await upgrade('further relay', addresses, init.signal))
  } else if (info !== null)
    await tell(failed('relay', 'The coordinator names no relay.', 'Volunteers use HTTP alone; start it without --no-relay.'))
  else await tell(skipped('relay', 'Without the coordinator no relay is known.', 'Name one with --relay ADDRESS.'))
  return checks
}

type Tell = (check: Check) => Promise<void>

async function askCoordinator(coordinator: NonNullable<DoctorInit['coordinator']>, tell: Tell): Promise<CoordinatorInfo | null> {
  const { url } = coordinator
  const started = performance.now()
  let info: CoordinatorInfo
  try {
    info = await coordinator.info()
  } catch (error) {
    if (!(error instanceof PeerComputeError)) throw error
    await tell(failed('coordinator', sentenceOf(error), 'Is it running, and is the address right? Pass --coordinator URL.'))
    return null
  }
  const ms = performance.now() - started
  await tell(ok('coordinator', `It answers at ${url} in ${duration(ms)}: version ${info.version}, ${count(info.hosts)} hosts.`, { ms }))
  const pinned = await coordinator.pinned()
  const holds = await verifyCoordinatorCertificate(info.certificate, info.root)
  if (!holds)
    await tell(failed('root', 'The certificate of its working key does not hold under its root.', 'Do not trust it. Ask whoever runs it.'))
  else if (pinned === undefined) await tell(ok('root', `Its certificate holds. Nothing was pinned before; the root is ${info.root}.`))
  else if (pinned === info.root) await tell(ok('root', 'Its certificate holds, under the root that was pinned.'))
  else
    await tell(
      failed(
        'root',
        `It shows the root ${info.root}; pinned is ${pinned}.`,
        `If the key was changed on purpose, remove the pin: peercompute keys forget ${url}`
      )
    )
  return info
}

async function walkRelay(relay: readonly string[], info: CoordinatorInfo | null, init: DoctorInit, tell: Tell): Promise<void> {
  const { signal } = init
  await tell(await upgrade('websocket', relay, signal))
  const options = { relay, iceServers: iceServersOf(info) }
  const node = await startLightNode(options)
  const undo: (() => unknown)[] = [() => node.stop()]
  try {
    const started = performance.now()
    const peer = await node.connected(AbortSignal.any([signal, AbortSignal.timeout(STEP_MS)])).catch(async (error: unknown) => {
      signal.throwIfAborted()
      await tell(failed('relay', sentenceOf(error), 'Check the address, and the lines above.'))
      return null
    })
    if (peer === null) return
    const dialMs = performance.now() - started
    await tell(ok('relay', `Connected to ${peer} in ${duration(dialMs)}.`, { ms: dialMs }))
    await tell(await reservation(node.node, signal))
    await tell(
      node.webRtc
        ? ok('webrtc', 'This Node.js can do WebRTC.')
        : failed(
            'webrtc',
            'This Node.js cannot do WebRTC: its native part does not load.',
            'Everything goes through the relay. On this platform that is all there is.'
          )
    )
    const companion = await startLightNode(options)
    undo.push(() => companion.stop(), dialPeers(node.node), dialPeers(companion.node))
    await companion.connected(AbortSignal.any([signal, AbortSignal.timeout(STEP_MS)])).catch(() => signal.throwIfAborted())
    await lookAround(node, companion, init, tell)
    await tell(await compareLedger(node, peer, signal))
    await tell(await roundTrip(node.node, peer, signal))
  } finally {
    for (const task of undo.reverse()) await task()
  }
}

function iceServersOf(info: CoordinatorInfo | null): RTCIceServer[] {
  return (info?.iceServers ?? []).map(({ urls, username, credential }) => ({
    urls,
    ...(username === undefined ? {} : { username }),
    ...(credential === undefined ? {} : { credential })
  }))
}

async function upgrade(name: 'websocket' | 'further relay', addresses: readonly string[], signal: AbortSignal): Promise<Check> {
  const url = addresses.map(webSocketUrl).find((candidate) => candidate !== null) ?? null
  if (url === null) return skipped(name, `No WebSocket leads to ${addresses.join(', ')}.`)
  const tried = await tryUpgrade(url, STEP_MS, signal)
  return 'ms' in tried
    ? ok(name, `A WebSocket to ${url} opens in ${duration(tried.ms)}.`, { ms: tried.ms })
    : failed(
        name,
        `No WebSocket opens at ${url}: ${tried.cause}.`,
        'Is it running? A proxy in front must pass "Upgrade: websocket" on /. Volunteers go on over HTTP meanwhile.'
      )
}

/** As the connection's monitor measures it, the first time ten seconds after the dial. */
async function roundTrip(node: PeerNode, peer: string, signal: AbortSignal): Promise<Check> {
  const rtt = () =>
    node.getConnections().find(({ remotePeer, rtt: measured }) => measured !== undefined && remotePeer.toString() === peer)?.rtt
  await within(ROUND_TRIP_MS, signal, () => rtt() !== undefined)
  const ms = rtt()
  if (ms === undefined)
    return failed('round trip', `The relay answered no ping in ${duration(ROUND_TRIP_MS)}.`, 'It may be overloaded, or just have gone.')
  return ok('round trip', `The relay answers a ping in ${duration(ms)}.`, { ms })
}

async function reservation(node: PeerNode, signal: AbortSignal): Promise<Check> {
  const started = performance.now()
  const reserved = await within(STEP_MS, signal, () => node.getMultiaddrs().some((address) => address.toString().includes('/p2p-circuit')))
  const ms = performance.now() - started
  return reserved
    ? ok('reservation', `The relay gave this client an address in ${duration(ms)}.`, { ms })
    : failed(
        'reservation',
        'The relay gave this client no address, so nobody can find it.',
        'The relay may be full: raise its number of reservations.'
      )
}

async function lookAround(node: LightNode, companion: LightNode, { discoveryMs, signal }: DoctorInit, tell: Tell): Promise<void> {
  const others = new Set<string>()
  const heard = { here: false, there: false }
  const started = performance.now()
  let roundMs = 0
  const listen = (listener: LightNode, speaker: LightNode, side: keyof typeof heard): (() => void) => {
    const { pubsub } = listener.node.services
    const hear = ({ detail }: CustomEvent<{ readonly topic: string; readonly type?: string }>) => {
      if (detail.topic !== DISCOVERY_TOPIC || heard[side] || !('from' in detail)) return
      if (String(detail.from) !== speaker.node.peerId.toString()) return
      heard[side] = true
      roundMs = performance.now() - started
    }
    pubsub.addEventListener('message', hear)
    return () => {
      pubsub.removeEventListener('message', hear)
    }
  }
  const discover = ({ detail }: CustomEvent<{ readonly id: { toString(): string } }>) => {
    const peer = detail.id.toString()
    if (peer !== companion.node.peerId.toString()) others.add(peer)
  }
  node.node.addEventListener('peer:discovery', discover)
  const stop = [listen(node, companion, 'here'), listen(companion, node, 'there')]
  const direct = () =>
    node.node.getConnections().filter(({ status, remoteAddr }) => status === 'open' && remoteAddr.toString().includes('/webrtc'))
  try {
    await within(discoveryMs, signal, () => false)
    await tell(
      others.size === 0
        ? ok('discovery', `Nobody else announced itself in ${duration(discoveryMs)}.`, { peers: 0 })
        : ok(
            'discovery',
            `${count(others.size)} ${others.size === 1 ? 'peer' : 'peers'} announced themselves in ${duration(discoveryMs)}.`,
            { peers: others.size }
          )
    )
    if (!node.webRtc) await tell(skipped('direct', 'Not tried: this Node.js cannot do WebRTC.'))
    else if (await within(STEP_MS, signal, () => direct().length > 0)) {
      const partners = new Set(direct().map(({ remotePeer }) => remotePeer.toString()))
      const own = partners.delete(companion.node.peerId.toString())
      const who = [
        ...(partners.size > 0 ? [`${count(partners.size)} ${partners.size === 1 ? 'peer' : 'peers'}`] : []),
        ...(own ? [WHO_ELSE] : [])
      ]
      await tell(ok('direct', `Connected directly, over WebRTC, to ${who.join(' and ')}.`, { peers: partners.size }))
    } else
      await tell(
        failed(
          'direct',
          `No direct connection came about, not even to ${WHO_ELSE}.`,
          'A firewall may block UDP. With a STUN or TURN server it may work: docs/guides/network.md'
        )
      )
    await tell(
      (await within(STEP_MS, signal, () => heard.here && heard.there))
        ? ok('gossip', `Announcements passed through the relay, both ways, to ${WHO_ELSE}.`, { ms: roundMs })
        : failed(
            'gossip',
            `Announcements did not pass ${heard.here || heard.there ? 'both ways' : 'at all'} through the relay.`,
            'The relay may be overloaded, or of another version.'
          )
    )
  } finally {
    node.node.removeEventListener('peer:discovery', discover)
    for (const end of stop) end()
  }
}

async function compareLedger(node: LightNode, peer: string, signal: AbortSignal): Promise<Check> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(STEP_MS)])
  try {
    const started = performance.now()
    const told = await node.headsOf(peer, deadline)
    const equal = await within(STEP_MS, signal, () => recordsLacking(node.ledger, told) === 0)
    const ms = performance.now() - started
    const records = told.reduce((sum, { length }) => sum + length, 0)
    return equal
      ? ok('ledger', `Everything that the relay holds is here: ${count(records)} records in ${count(told.length)} feeds.`, {
          ms,
          records,
          feeds: told.length
        })
      : failed(
          'ledger',
          `${count(recordsLacking(node.ledger, told))} of ${count(records)} records did not arrive.`,
          'Run it again; when it stays so, see: peercompute ledger verify --live'
        )
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof PeerComputeError)) throw error
    return failed('ledger', sentenceOf(error), 'The relay may be of another version.')
  }
}

function sentenceOf(error: unknown): string {
  const text = error instanceof PeerComputeError ? error.detail : String(error)
  // An address stays as it is.
  return /^\w+:\/\//.test(text) ? `${text}.` : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
