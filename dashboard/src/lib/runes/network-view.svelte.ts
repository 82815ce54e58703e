/** The network page: this tab's node, what it reports, and what was tried with it. */
import type { Finding, NetworkReport } from '@peercompute/p2p'
import { added, differences, type LogEntry } from '../models/network/event-log.ts'
import type { NetworkNode } from '../models/network/node.ts'
import { shortPeer } from '../models/network/picture.ts'
import { plural } from '../models/format.ts'
import type { LightNode } from '../services/network-node.ts'
import { troubleOf, type Trouble } from './loadable.svelte.ts'
import { volunteer } from './volunteer.svelte.ts'

/** `volunteer`: this tab lends its computer, and the node is the volunteer's. `light`: made by this page. */
export type NodeOwner = 'none' | 'starting' | 'light' | 'volunteer'

export class NetworkView {
  report = $state.raw<NetworkReport | null>(null)
  /** What the report means, problems first. */
  findings = $state.raw<readonly Finding[]>([])
  owner = $state<NodeOwner>('none')
  log = $state.raw<readonly LogEntry[]>([])
  trouble = $state.raw<Trouble | null>(null)
  /** Seconds for which the main thread is about to be blocked. */
  blocking = $state<number | null>(null)
  #node: NetworkNode | null = null
  #light: LightNode | null = null
  #leave: (() => void)[] = []
  #sent = 0
  readonly #ended = new AbortController()

  /** Returns the function that ends it. A node that this page started goes with it. */
  follow(): () => void {
    const stop = volunteer.onNetwork((node) => {
      this.#take(node)
    })
    return () => {
      stop()
      this.#ended.abort()
      this.#drop()
      void this.#light?.stop()
    }
  }

  async connect(): Promise<void> {
    if (this.owner !== 'none') return
    this.owner = 'starting'
    this.trouble = null
    this.#note('Starting a node in this tab.')
    const { startLightNode } = await import('../services/network-node.ts')
    try {
      const light = await startLightNode(this.#ended.signal)
      if (this.#node !== null) {
        await light.stop()
        return
      }
      this.#light = light
      this.#adopt(light, 'light')
    } catch (error) {
      if (this.#ended.signal.aborted) return
      this.owner = this.#node === null ? 'none' : 'volunteer'
      this.trouble = troubleOf(error)
      this.#note(`The node did not start: ${this.trouble.detail}`)
    }
  }

  async disconnect(): Promise<void> {
    const light = this.#light
    if (light === null) return
    this.#drop()
    this.#note('The node of this tab stopped.')
    await light.stop()
  }

  announce(): void {
    this.#node?.announce()
    this.#note('Announced this tab to the others.')
  }

  async publish(): Promise<void> {
    if (this.#node === null) return
    const text = `test ${++this.#sent}`
    const neighbours = await this.#node.publish(text)
    this.#note(
      neighbours === 0
        ? `Sent "${text}", and no neighbour took it: nobody follows the topic, or nobody is connected.`
        : `Sent "${text}" to ${plural(neighbours, 'neighbour', 'neighbours')}, which pass it on.`
    )
  }

  cut(): void {
    this.#note('Cutting the relay. Direct connections stay.')
    this.#node?.cut()
  }

  redial(): void {
    this.#note('Dialling the relay.')
    this.#node?.redial()
  }

  /** A page that hangs: no event is handled, no ping is answered. The words are painted first. */
  block(seconds: number): void {
    this.blocking = seconds
    this.#note(`Blocking this tab's main thread for ${seconds} s.`)
    requestAnimationFrame(() => {
      setTimeout(() => {
        const end = performance.now() + seconds * 1_000
        while (performance.now() < end);
        this.blocking = null
        this.#note(`The main thread was blocked for ${seconds} s and goes on.`)
      })
    })
  }

  /** The volunteer's node has come or gone; it goes before one that this page started. */
  #take(node: NetworkNode | null): void {
    if (node === this.#node) return
    const light = this.#light
    if (node === null) {
      if (this.owner === 'volunteer') this.#drop()
      return
    }
    this.#drop()
    void light?.stop()
    this.#adopt(node, 'volunteer')
  }

  #adopt(node: NetworkNode, owner: NodeOwner): void {
    this.#node = node
    this.owner = owner
    this.#show(node.report())
    this.#note(`This tab is peer ${shortPeer(node.report().peer)}.`)
    this.#leave = [
      node.onReport((report) => {
        this.log = added(this.log, Date.now(), differences(this.report, report))
        this.#show(report)
      }),
      node.onMessage(({ from, sentAtMs, text }) => {
        this.#note(`"${text}" came from ${shortPeer(from)} after ${Math.max(0, Date.now() - sentAtMs)} ms.`)
      })
    ]
  }

  #show(report: NetworkReport): void {
    this.report = report
    // Loaded with the node, not with the page: it knows addresses, hence libp2p.
    void import('@peercompute/p2p').then(({ explainNetwork }) => {
      if (this.report === report) this.findings = explainNetwork(report)
    })
  }

  #drop(): void {
    for (const leave of this.#leave) leave()
    this.#leave = []
    this.#node = null
    this.#light = null
    this.owner = 'none'
    this.report = null
    this.findings = []
  }

  #note(text: string): void {
    this.log = added(this.log, Date.now(), [text])
  }
}
