/** A fleet in a process of its own. */
import { answerCommands } from '../harness/child.ts'
import { startFleet, type Fleet, type FleetOptions } from './fleet.ts'

// Of Node's pool, before it is used: a fleet signs, and each thread that wakes for it takes a core from somebody.
process.env['UV_THREADPOOL_SIZE'] = '1'

let fleet: Fleet | undefined

const commands = {
  async start(options: FleetOptions) {
    fleet = await startFleet(options)
  },
  tally: () => running().tally,
  hosts: () => running().hosts,
  reset: () => {
    running().reset()
  },
  async stop() {
    await fleet?.stop()
  }
}
export type FleetCommands = typeof commands

function running(): Fleet {
  if (fleet === undefined) throw new Error('the fleet is not started')
  return fleet
}

answerCommands(commands)
