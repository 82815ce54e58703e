/** A child process that dies has to say how, wherever the one who asks it something happens to be. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startChild } from '../harness/child.ts'
import type { FleetCommands } from '../load/fleet-process.ts'

const FLEET = new URL('../load/fleet-process.ts', import.meta.url)

test('a call to a process that was killed is rejected with the signal, from the kill until long after it', async () => {
  const child = await startChild<FleetCommands>(FLEET)
  await child.call('stop', undefined)
  const state = { gone: false }
  void child.ended.then(() => {
    state.gone = true
  })
  const calls: Promise<unknown>[] = []
  process.kill(child.pid, 'SIGKILL')
  // a call in each turn of the event loop: in some of them the channel is closed and the process not yet gone
  while (!state.gone) {
    calls.push(child.call('stop', undefined).catch(String))
    await nextTurn()
  }
  calls.push(child.call('stop', undefined).catch(String))
  const ended = `Error: The process of ${FLEET.pathname} has ended by SIGKILL; it said nothing`
  expect([...new Set(await Promise.all(calls))]).toEqual([ended])
})

test('a process that ends by itself leaves its code and its last words', async () => {
  const child = await startChild<FleetCommands>(new URL('no-such-process.ts', import.meta.url))
  const asked = child.call('stop', undefined)
  await expect(asked).rejects.toThrow(/no-such-process\.ts has ended with code 1; it said: [^]*Cannot find module/)
  expect(await child.ended).toBe(await asked.catch((error: unknown) => error))
})

test('an ended process can be killed again', async () => {
  const child = await startChild<FleetCommands>(FLEET)
  await child.kill()
  await child.kill()
  expect((await child.ended).message).toContain('by SIGKILL; it said nothing')
})
