/** Short texts by gossip, so that a person sees whether messages arrive. Relays forward them like everything else. */
import { fromUtf8, PeerComputeError, utf8 } from '@peercompute/job-specs'
import { followTopic, publishTo, type PeerNode } from './gossip.ts'
import { TEST_MAX_BYTES, TEST_TOPIC } from './settings.ts'

/** Resolves with the number of neighbours that were handed the text. Throws REQUEST_INVALID when it is longer than 256 bytes. */
export async function publishTest(node: PeerNode, text: string): Promise<number> {
  const bytes = utf8(text)
  if (bytes.length > TEST_MAX_BYTES)
    throw new PeerComputeError('REQUEST_INVALID', `the text has ${bytes.length} bytes, allowed are ${TEST_MAX_BYTES}`)
  return (await publishTo(node, TEST_TOPIC, bytes)).size
}

/** Hears the texts of others until the returned function is called. Their authors are authenticated, the texts mean nothing. */
export function followTests(node: PeerNode, listener: (message: { readonly from: string; readonly text: string }) => void): () => void {
  return followTopic(node, TEST_TOPIC, (data, _source, from) => {
    if (data.length > TEST_MAX_BYTES) return 'reject'
    try {
      listener({ from, text: fromUtf8(data) })
      return 'accept'
    } catch {
      return 'reject'
    }
  })
}
