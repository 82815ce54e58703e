/** A coordinator that is told to stop in the middle of work. What comes of being killed: start-killed.test.ts, and tests/fault. */
import { expect, it } from 'vitest'
import { startServer, startVolunteer, until } from '../harness/index.ts'
import { publish, queensJob } from './parts/publish.ts'

it('a coordinator that is told to stop ends, although its volunteers are at work and come back while it closes', async () => {
  const server = await startServer()
  const volunteers = await Promise.all(['first', 'second'].map((name) => startVolunteer(server.url, { name })))
  try {
    const { id } = await publish(server.url, await queensJob(16))
    await until('work in hand', () =>
      volunteers.every((volunteer) => volunteer.snapshot().executors.some(({ busyUnits }) => busyUnits > 0))
    )
    expect((await server.job(id)).state).toBe('running')
    expect(await server.process.end('SIGTERM')).toBe(0)
  } finally {
    await Promise.all(volunteers.map((volunteer) => volunteer.stop()))
    await server.stop()
  }
})
