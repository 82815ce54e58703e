import { expect, it } from 'vitest'
import { checkLines, failed, ok, skipped } from './check.ts'
import { checkRelayAddress, webSocketUrl } from './relay-addresses.ts'
import { within } from './within.ts'

const PEER = '12D3KooWJvT2FQx9dR7y4mB8sN1cHkL6pWzE5aU3gXoPeerKq4T'

it('a check is a line that can be read and searched, with the remedy beneath', () => {
  expect(checkLines(ok('relay', 'Connected.'))).toBe('ok  relay          Connected.')
  expect(checkLines(failed('gossip', 'Nothing passed.', 'Restart the relay.'))).toBe(
    '✗   gossip         Nothing passed.\n                   Restart the relay.'
  )
  expect(checkLines(skipped('direct', 'Not tried.'))).toBe('–   direct         Not tried.')
})

it('what strangers wrote cannot move the cursor', () => {
  expect(checkLines(ok('relay', 'peer \u001b[2Jgone'))).not.toContain('\u001b')
})

it('the address of a relay names the WebSocket to try', () => {
  expect(webSocketUrl(`/ip4/127.0.0.1/tcp/8400/ws/p2p/${PEER}`)).toBe('ws://127.0.0.1:8400/')
  expect(webSocketUrl(`/dns4/lab.example/tcp/443/tls/ws/p2p/${PEER}`)).toBe('wss://lab.example:443/')
  expect(webSocketUrl(`/dns4/lab.example/tcp/443/wss/p2p/${PEER}`)).toBe('wss://lab.example:443/')
  expect(webSocketUrl(`/ip6/::1/tcp/8400/ws/p2p/${PEER}`)).toBe('ws://[::1]:8400/')
  expect(webSocketUrl(`/ip4/127.0.0.1/tcp/4001/p2p/${PEER}`)).toBeNull()
})

it('an address that no relay has is refused before anything is tried', () => {
  expect(checkRelayAddress(`/ip4/127.0.0.1/tcp/8400/ws/p2p/${PEER}`)).toContain(PEER)
  for (const wrong of ['http://lab.example', '/ip4/127.0.0.1/tcp/8400/ws', `/ip4/127.0.0.1/tcp/8400/p2p/${PEER}`, ''])
    expect(() => checkRelayAddress(wrong)).toThrow(/is not the address of a relay/)
})

it('waiting ends with the condition, the deadline, or the signal', async () => {
  let looks = 0
  expect(await within(5_000, new AbortController().signal, () => ++looks === 2)).toBe(true)
  expect(await within(0, new AbortController().signal, () => false)).toBe(false)
  await expect(within(5_000, AbortSignal.abort(new Error('Interrupted')), () => true)).rejects.toThrow('Interrupted')
})
