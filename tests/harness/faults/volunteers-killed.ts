/** R3: volunteers die in the middle of their units; somebody else gets these, and they are settled. */
import { rmSync } from 'node:fs'
import { jobsOver, startCampaign, type Judgement } from './campaign.ts'
import { readHistory } from './history.ts'
import { startVolunteerProcess, type VolunteerProcess } from './volunteer-process.ts'
import { streamLine } from './work-line.ts'
import type { TestServer } from '../server.ts'
import { until } from '../until.ts'

export interface VolunteersKilledOptions {
  readonly seed: number
  readonly server: TestServer
  readonly transport: 'http' | 'libp2p'
  /** Each is killed once, with all of its volunteers. */
  readonly processes: number
  readonly volunteersEach: number
}

export interface VolunteersKilledRecord extends Judgement {
  /** From the death of its holder until another host had it, for each unit, in ms. */
  readonly reissuedMs: readonly number[]
}

const UNITS_EACH = 5
/** More than a coordinator wants to see before it gives a job to everybody. */
const TRIAL_UNITS = 16
/** They never finish. */
const FOR_EVER_MS = 2 ** 31 - 1
export const LEASE_MS = 60_000

export async function volunteersKilled(options: VolunteersKilledOptions): Promise<VolunteersKilledRecord> {
  const { seed, server, transport, processes, volunteersEach } = options
  const campaign = await startCampaign('volunteers-killed', seed, server)
  const { submitter, history, random } = campaign
  const unitCount = TRIAL_UNITS + processes * volunteersEach * UNITS_EACH
  const files = Array.from({ length: processes }, (_, index) => history.file.replace('.ndjson', `-${index}.ndjson`))
  const victims: VolunteerProcess[] = []
  try {
    const job = await submitter.submit({
      unitCount,
      verification: { policy: 'quorum', quorum: 1, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 }
    })
    // Nobody else gets a new job before some of its units have succeeded.
    const heir = await campaign.volunteer({ line: await streamLine(server.url), unitsPerAsk: TRIAL_UNITS, workMs: 200 })
    await until('a tried job', () => heir.inHand >= TRIAL_UNITS)
    heir.rest(true)
    await until('an heir at rest', () => heir.atRest)
    victims.push(
      ...(await Promise.all(
        files.map((file, index) =>
          startVolunteerProcess({
            url: server.url,
            root: server.root,
            name: `victim-${index}`,
            count: volunteersEach,
            transport,
            seed: Math.floor(random() * 2 ** 32),
            history: file,
            perConnection: 5,
            unitsPerAsk: UNITS_EACH,
            workMs: FOR_EVER_MS
          })
        )
      ))
    )
    await until('all units in the hands of victims', async () => {
      const { validated, inProgress } = (await server.job(job)).units
      return validated + inProgress === unitCount
    })
    const reissuedMs: number[] = []
    for (const victim of victims) {
      const killedAt = Date.now()
      history.fault(`SIGKILL of ${volunteersEach} volunteers`)
      await victim.process.end('SIGKILL')
      heir.rest(false)
      // A part of it may have been given to the heir already, as it took so long.
      const taken = new Set(
        leased([history.file])
          .filter(({ at }) => at < killedAt)
          .map(({ unit }) => unit)
      )
      const lost = leased([victim.history])
        .map(({ unit }) => unit)
        .filter((unit) => !taken.has(unit))
      const heirs = await until(
        'another holder of each unit',
        () => {
          const later = new Map(
            leased([history.file])
              .filter(({ at }) => at >= killedAt)
              .map(({ unit, at }) => [unit, at])
          )
          const times = lost.map((unit) => later.get(unit))
          return times.every((at) => at !== undefined) ? times : null
        },
        LEASE_MS * 2
      )
      heir.rest(true)
      await until('an heir at rest', () => heir.atRest)
      reissuedMs.push(...heirs.map((at) => at - killedAt))
    }
    heir.rest(false)
    await jobsOver(server, [job])
    return { ...(await campaign.judge({ files })), reissuedMs }
  } finally {
    await Promise.all(victims.map((victim) => victim.process.end('SIGKILL')))
    await campaign.end()
    for (const file of files) rmSync(file, { force: true })
  }
}

/** Each unit of each lease that was acknowledged, and when. */
function leased(files: readonly string[]): readonly { readonly unit: number; readonly at: number }[] {
  return files
    .flatMap((file) => readHistory(file))
    .flatMap(({ outcome, endedAt }) =>
      outcome.type === 'ok' ? (outcome.answer.leases ?? []).map((lease) => ({ ...lease, at: endedAt ?? 0 })) : []
    )
    .flatMap(({ start, count, at }) => Array.from({ length: count }, (_, index) => ({ unit: start + index, at })))
}
