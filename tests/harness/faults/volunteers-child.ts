/** Light volunteers in a process of their own, which can be killed and stopped. One JSON argument. `rest` on stdin: no more work. */
import { createInterface } from 'node:readline'
import { rootIdSchema } from '@peercompute/job-specs'
import { z } from 'zod'
import { seededRandom } from '../seeded-random.ts'
import { until } from '../until.ts'
import { createHistory } from './history.ts'
import { lightValue } from './light-value.ts'
import { startLightVolunteer } from './light-volunteer.ts'
import { httpLine, streamLine } from './work-line.ts'

export const volunteersSchema = z.object({
  url: z.string(),
  root: rootIdSchema,
  name: z.string(),
  count: z.int(),
  transport: z.enum(['http', 'libp2p']),
  seed: z.int(),
  history: z.string(),
  unitsPerAsk: z.int(),
  workMs: z.int(),
  /** Volunteers on one connection; a coordinator takes 8 work streams of one. */
  perConnection: z.int().min(1).max(8)
})

const {
  url,
  root,
  name,
  count,
  transport,
  seed,
  history: file,
  unitsPerAsk,
  workMs,
  perConnection
} = volunteersSchema.parse(JSON.parse(process.argv[2] ?? ''))
const history = createHistory(file)
const random = seededRandom(seed)
const lines = await Promise.all(
  Array.from({ length: Math.ceil(count / perConnection) }, async () => (transport === 'http' ? httpLine(url) : await streamLine(url)))
)
const volunteers = await Promise.all(
  Array.from({ length: count }, (_, index) =>
    startLightVolunteer({
      name: `${name}-${index}`,
      line: lines[Math.floor(index / perConnection)] ?? httpLine(url),
      root,
      history,
      random: seededRandom(Math.floor(random() * 2 ** 32)),
      resultOf: lightValue,
      unitsPerAsk,
      workMs
    })
  )
)
createInterface({ input: process.stdin })
  .on('line', () => {
    for (const volunteer of volunteers) volunteer.rest(true)
    void until('empty outboxes', () => volunteers.every(({ waiting, inHand }) => waiting + inHand === 0), 300_000).then(() =>
      process.stdout.write('drained\n')
    )
  })
  // whoever started it is gone
  .on('close', () => process.exit(0))
await until('the connections of all', () => volunteers.every(({ connected }) => connected), 120_000)
process.stdout.write('ready\n')
