import type { HostId } from '@peercompute/job-specs'
import { solvesProofOfWork } from '@peercompute/job-specs/protocol'
import { createFakeClock, until } from '@peercompute/p2p/testing'
import { expect, it } from 'vitest'
import { solveProofOfWork } from './solve-proof-of-work.ts'

const HOST = 'h'.repeat(43) as HostId

it('solves a task in slices between which others have their turn', async () => {
  const task = { challenge: 'A'.repeat(22), bits: 14 }
  const clock = createFakeClock()
  const found: number[] = []
  let turns = 0
  void solveProofOfWork(task, HOST, clock, new AbortController().signal).then((nonce) => found.push(nonce))
  await until(() => {
    turns++
    clock.advance(1)
    return found.length > 0
  })
  expect(turns).toBeGreaterThan(1)
  expect(found.map((nonce) => solvesProofOfWork(task, HOST, nonce))).toEqual([true])
})

it('stops when nobody wants the solution any more', async () => {
  const stop = new AbortController()
  const solving = solveProofOfWork({ challenge: 'A'.repeat(22), bits: 26 }, HOST, createFakeClock(), stop.signal)
  stop.abort(new Error('gone'))
  await expect(solving).rejects.toThrow('gone')
})
