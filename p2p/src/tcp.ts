/** The TCP transport in Node, null in a browser: the package has a form for browsers that only refuses. */
export async function loadTcp(): Promise<typeof import('@libp2p/tcp').tcp | null> {
  return 'process' in globalThis ? (await import('@libp2p/tcp')).tcp : null
}
