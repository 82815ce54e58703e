import { afterEach, expect, it } from 'vitest'
import { converged, createLab, reaches } from '../harness/lab.ts'
import { until } from '../harness/until.ts'

const lab = createLab()
afterEach(() => lab.end())

it('lets peers of two relays meet through whoever knows both', async () => {
  const [left, right] = await Promise.all([lab.relay(), lab.relay()])
  const [west, both, east] = await Promise.all([
    lab.peer({ relays: [left.address], webRtc: false }),
    lab.peer({ relays: [left.address, right.address], webRtc: false }),
    lab.peer({ relays: [right.address], webRtc: false })
  ])
  await Promise.all([reaches(west, left), reaches(both, left), reaches(both, right), reaches(east, right)])
  await west.call('append', 30)
  await east.call('append', 30)
  const held = await converged('one ledger over two relays', [west, both, east], 62)
  expect(held.map(({ delivered }) => delivered)).toEqual([62, 62, 62])
})

it('goes on through the second relay when the first has died, and a newcomer learns everything there', async () => {
  const [first, second] = await Promise.all([lab.relay(), lab.relay()])
  const relays = [first.address, second.address]
  const [one, two] = await Promise.all([lab.peer({ relays, webRtc: false }), lab.peer({ relays, webRtc: false })])
  await Promise.all([one, two].flatMap((peer) => [reaches(peer, first), reaches(peer, second)]))
  await one.call('append', 10)
  await converged('both hold the first records', [one, two], 11)

  await first.kill()
  await two.call('append', 10)
  await converged('both hold the later ones', [one, two], 22)

  const late = await lab.peer({ relays, webRtc: false })
  await reaches(late, second)
  await converged('the newcomer holds all', [one, two, late], 22)
  await until('they know each other', async () => {
    const [early, newcomer] = await Promise.all([one.call('known'), late.call('known')])
    return early.includes(late.id) && newcomer.includes(one.id) && newcomer.includes(two.id)
  })

  await first.restart()
  await Promise.all([one, two, late].map((peer) => reaches(peer, first)))
  await late.call('append', 10)
  const held = await converged('all hold all', [one, two, late], 33)
  expect(held.map(({ delivered }) => delivered)).toEqual([33, 33, 33])
})
