/** Fleets spread over processes, so that they and not one event loop are what a coordinator meets. */
import type { HostId } from '@peercompute/job-specs'
import { startChild, type Child } from '../harness/child.ts'
import { until } from '../harness/until.ts'
import type { FleetOptions } from './fleet.ts'
import type { FleetCommands } from './fleet-process.ts'
import { sumTallies, type Tally } from './tally.ts'
import { AT_ONCE } from './volunteer.ts'

export interface GeneratorsOptions extends Partial<Omit<FleetOptions, 'coordinator' | 'count' | 'seed'>> {
  readonly coordinator: FleetOptions['coordinator']
  /** Volunteers, over all processes. */
  readonly count: number
  readonly processes: number
  readonly seed: number
}

export interface Generators {
  readonly count: number
  /** From the first that comes to the last: no sooner does everybody have a chance to be there. */
  readonly comingMs: number
  tally(): Promise<Tally>
  hosts(): Promise<readonly HostId[]>
  reset(): Promise<void>
  /** Waits until that many are introduced; all when left out. Rejects at once when a process ends. */
  connected(timeoutMs: number, count?: number): Promise<void>
  /** Everybody leaves and the processes end. Idempotent. */
  stop(): Promise<void>
}

/** Beyond this a coordinator makes newcomers wait. */
const JOINS_PER_SECOND = 12

/** Resolves when all have begun to come. */
export async function startGenerators(options: GeneratorsOptions): Promise<Generators> {
  const { coordinator, count, processes, seed, first = 0, joinsPerSecond = JOINS_PER_SECOND } = options
  const { link = 'work-stream', pattern = AT_ONCE, wrong = 0, colluding = 0, lieRate = 1, honestFor = 0, line = null } = options
  const children = await Promise.all(
    Array.from({ length: processes }, () => startChild<FleetCommands>(new URL('fleet-process.ts', import.meta.url)))
  )
  let gone: Error | null = null
  for (const { ended } of children)
    void ended.then((error) => {
      gone ??= error
    })
  const generators: Generators = {
    count,
    comingMs: (count / joinsPerSecond) * 1_000,
    tally: async () => sumTallies(await Promise.all(children.map((child) => child.call('tally', undefined)))),
    hosts: async () => (await Promise.all(children.map((child) => child.call('hosts', undefined)))).flat(),
    async reset() {
      await Promise.all(children.map((child) => child.call('reset', undefined)))
    },
    async connected(timeoutMs, wanted = count) {
      const enough = async (): Promise<boolean> => gone !== null || (await generators.tally()).connected >= wanted
      await until(`${wanted} volunteers`, enough, timeoutMs).catch(async (cause: unknown) => {
        const { connected, failures } = await generators.tally()
        throw new Error(`${connected} of ${wanted} volunteers came in ${timeoutMs} ms: ${JSON.stringify(failures)}`, { cause })
      })
      if (gone !== null) throw gone
    },
    stop: () => endAll(children)
  }
  try {
    const begun = children.map((child, index) => {
      const from = Math.floor((index * count) / processes)
      const to = Math.floor(((index + 1) * count) / processes)
      return child.call('start', {
        coordinator,
        link,
        pattern,
        wrong,
        colluding,
        lieRate,
        honestFor,
        line,
        seed,
        first: first + from,
        count: to - from,
        joinsPerSecond: joinsPerSecond / processes
      })
    })
    await Promise.all(begun)
  } catch (error) {
    await endAll(children)
    throw error
  }
  return generators
}

async function endAll(children: readonly Child<FleetCommands>[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      await Promise.race([child.call('stop', undefined).catch(() => undefined), new Promise((resolve) => setTimeout(resolve, LEAVE_MS))])
      await child.kill()
    })
  )
}

/** Whoever has not left by then is ended. */
const LEAVE_MS = 5_000
