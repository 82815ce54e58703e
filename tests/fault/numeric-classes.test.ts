/** One job on devices that round differently: tolerance across their classes, equality within, and nobody is a liar for rounding. */
import { hostReputationDetailSchema, provenUnitSchema, unitReplicasSchema, type JobSpec, type UnitReceipt } from '@peercompute/job-specs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { jobsOver, startCampaign, type Campaign } from '../harness/faults/campaign.ts'
import { serveHere, type Served } from '../harness/faults/served-here.ts'
import { testSeed } from '../harness/seeded-random.ts'
import { until } from '../harness/until.ts'

const UNITS = 60
const RELATIVE = 1e-5
/** Steps of f32 by which a device is away from the first class. */
const STEPS = { here: 0, there: 1, astray: 2 } as const
const TOLERANCE = { kind: 'tolerance', absolute: 0, relative: RELATIVE, withinClass: 'exact' } as const

let server: Served
let campaign: Campaign
/** Of the host whose values differ within its own class. */
let astray = ''
let astrayComputed = 0
let minority: readonly string[] = []
const classOf = new Map<string, string>()

beforeAll(async () => {
  server = await serveHere()
  campaign = await startCampaign('classes', testSeed('numeric classes'), server)
  const come = async (numericClass: string, steps: number): Promise<string> => {
    const resultOf = (unit: number): Uint8Array => {
      if (steps === STEPS.astray) astrayComputed++
      return rounded(unit, steps)
    }
    const { identity } = await campaign.volunteer({ numericClass, resultOf, unitsPerAsk: 4 })
    classOf.set(identity.certificate.host, numericClass)
    return identity.certificate.host
  }
  for (let host = 0; host < 4; host++) await come('here', STEPS.here)
  minority = [await come('there', STEPS.there), await come('there', STEPS.there)]
  astray = await come('there', STEPS.astray)
})
afterAll(async () => {
  await campaign.end()
  await server.stop()
})

function rounded(unit: number, steps: number): Uint8Array {
  const value = new Float32Array([1 + unit / 7])
  const [bits = 0] = new Uint32Array(value.buffer)
  return new Uint8Array(new Uint32Array([bits + steps]).buffer)
}

/** `published`: before the wait for its end. */
async function completed(
  comparator: JobSpec['verification']['comparator'],
  quorum: number,
  published: () => Promise<void> = () => Promise.resolve()
): Promise<readonly UnitReceipt[]> {
  const job = await campaign.submitter.submit({
    unitCount: UNITS,
    outputs: [{ name: 'value', type: 'f32', shape: [1] }],
    reduce: { kind: 'none' },
    verification: { policy: 'quorum', quorum, independence: 'host', comparator, maxResults: 12 }
  })
  await published()
  await jobsOver(server, [job])
  expect(await server.job(job)).toMatchObject({ state: 'completed', units: { validated: UNITS } })
  const receipts: UnitReceipt[] = []
  for (let unit = 0; unit < UNITS; unit++) {
    const { receipt } = provenUnitSchema.parse(await server.get(`/api/v1/jobs/${job}/units/${unit}/receipt`))
    receipts.push(receipt)
    const { replicas } = unitReplicasSchema.parse(await server.get(`/api/v1/jobs/${job}/units/${unit}`))
    // What is shown side by side is what is signed.
    const short = ({ host, numericClass, verdict, digest, metric, bound }: UnitReceipt['votes'][number]) => ({
      host,
      numericClass,
      verdict,
      digest,
      metric,
      bound
    })
    expect(replicas).toMatchObject(receipt.votes.map(short))
  }
  return receipts
}

/** Hosts that are banned, or whose results count as wrong. */
async function blamed() {
  const known = await Promise.all(
    [...classOf.keys()].map(async (host) => hostReputationDetailSchema.parse(await server.get(`/api/v1/hosts/${host}/reputation`)))
  )
  return known.filter(({ ban, failures }) => ban !== null || failures > 0)
}

/** Results that differ from the canonical one: of its own class, and of another. */
function differing(receipts: readonly UnitReceipt[]) {
  const within: UnitReceipt['votes'] = []
  const across: UnitReceipt['votes'] = []
  for (const { votes } of receipts) {
    const canonical = votes.find(({ verdict }) => verdict === 'canonical')
    for (const vote of votes) {
      expect(vote.numericClass).toBe(classOf.get(vote.host))
      if (vote.digest !== canonical?.digest) (vote.numericClass === canonical?.numericClass ? within : across).push(vote)
    }
  }
  return { within, across }
}

it('is settled across classes within the tolerance', async () => {
  const { across } = differing(await completed(TOLERANCE, 3))
  process.stdout.write(`${across.length} votes agreed across classes\n`)
  expect(across.length).toBeGreaterThan(0)
  for (const { verdict, metric, bound } of across) {
    expect(verdict).toBe('agrees')
    expect(metric).toBeGreaterThan(0)
    expect(metric).toBeLessThanOrEqual(bound)
  }
  expect(await blamed()).toEqual([])
})

it('within a class by equality, and whoever rounds otherwise there is blamed for nothing', async () => {
  const of = (wanted: (host: string) => boolean) => campaign.volunteers.filter(({ identity }) => wanted(identity.certificate.host))
  const away = of((host) => classOf.get(host) === 'here')
  const sound = of((host) => minority.includes(host))
  for (const volunteer of [...away, ...sound]) volunteer.rest(true)
  await until('the others at rest', () => [...away, ...sound].every(({ atRest }) => atRest))
  const first = of((host) => host === astray)
  const before = astrayComputed
  const published = async (): Promise<void> => {
    // Alone it would not be contradicted; with the two from the start it can come too late for every unit.
    await until('results of the one astray', () => astrayComputed > before && first.every(({ inHand, waiting }) => inHand + waiting === 0))
    for (const volunteer of sound) volunteer.rest(false)
  }
  const { within, across } = differing(await completed(TOLERANCE, 2, published))
  process.stdout.write(`${within.length} votes were rejected within their own class\n`)
  expect(across).toEqual([])
  expect(within.length).toBeGreaterThan(0)
  expect(within.every(({ verdict, host }) => verdict === 'rejected' && host === astray)).toBe(true)
  for (const volunteer of away) volunteer.rest(false)
  expect(await blamed()).toEqual([])
})

it('a minority of another class loses every vote under an exact comparator, and is banned for none', async () => {
  const receipts = await completed({ kind: 'exact' }, 3)
  const lost = receipts.flatMap(({ votes }) => votes.filter(({ verdict }) => verdict === 'rejected').map(({ host }) => host))
  expect(receipts.every(({ votes }) => votes.every(({ verdict, numericClass }) => verdict === 'rejected' || numericClass === 'here'))).toBe(
    true
  )
  process.stdout.write(`${lost.length} votes of the minority were lost\n`)
  expect(new Set(lost)).toEqual(new Set([...minority, astray]))
  expect(await blamed()).toEqual([])
})

it('leaves the books in order', async () => {
  expect((await campaign.judge()).violations).toEqual([])
})
