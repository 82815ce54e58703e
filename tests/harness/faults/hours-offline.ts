/** R5: a volunteer comes back after hours with a full outbox. */
import { lightValue } from './light-value.ts'
import { jobsOver, startCampaign, type Judgement } from './campaign.ts'
import { createJumpingClock } from './jumping-clock.ts'
import { serveHere } from './served-here.ts'
import { until } from '../until.ts'

export interface HoursOfflineOptions {
  readonly seed: number
  readonly hours: number
  readonly results: number
}

export interface HoursOfflineRecord extends Judgement {
  /** Units that others had settled before it came back. */
  readonly settledMeanwhile: number
}

const HOUR_MS = 3_600_000

export async function hoursOffline({ seed, hours, results }: HoursOfflineOptions): Promise<HoursOfflineRecord> {
  const clock = createJumpingClock()
  const server = await serveHere({ clock })
  const campaign = await startCampaign('offline', seed, server)
  const { submitter, history } = campaign
  try {
    const absent = await campaign.volunteer({ name: 'absent', unitsPerAsk: results })
    absent.hold(true)
    const job = await submitter.submit({
      unitCount: results,
      verification: { policy: 'quorum', quorum: 1, independence: 'host', comparator: { kind: 'exact' }, maxResults: 8 }
    })
    await until('a full outbox', () => absent.waitingUnits === results)
    await absent.leave()
    history.fault(`offline for ${hours} h`)
    clock.jump(hours * HOUR_MS)
    // Somebody else does a part of it.
    const heir = await campaign.volunteer({ name: 'heir', unitsPerAsk: 5, workMs: 100, resultOf: lightValue })
    await until('some settled units', async () => (await server.job(job)).units.validated >= results / 5)
    heir.rest(true)
    await until('an heir at rest', () => heir.atRest)
    const settledMeanwhile = (await server.job(job)).units.validated
    absent.hold(false)
    absent.rejoin()
    await jobsOver(server, [job])
    return { ...(await campaign.judge()), settledMeanwhile }
  } finally {
    await campaign.end()
    await server.stop()
  }
}
