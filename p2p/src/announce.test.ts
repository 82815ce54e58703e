import { PeerComputeError } from '@peercompute/job-specs'
import { describe, expect, it } from 'vitest'
import { announceFor } from './announce.ts'

describe('announceFor', () => {
  it.each([
    ['https://lab.example', '/dns4/lab.example/tcp/443/tls/ws'],
    ['https://lab.example:8443/', '/dns4/lab.example/tcp/8443/tls/ws'],
    ['http://192.168.1.7:8080', '/ip4/192.168.1.7/tcp/8080/ws'],
    ['http://localhost', '/dns4/localhost/tcp/80/ws'],
    ['https://[2001:db8::1]', '/ip6/2001:db8::1/tcp/443/tls/ws']
  ])('turns %s into %s', (url, address) => {
    expect(announceFor(url)).toBe(address)
  })

  it.each(['lab.example', 'ftp://lab.example', 'https://lab.example/app', 'https://lab.example/?x=1'])('refuses %s', (url) => {
    expect(() => announceFor(url)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as PeerComputeError)
  })
})
