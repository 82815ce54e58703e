import { it } from 'vitest'
import { fuzzEverything } from '../security/parts/fuzz-everything.ts'

it('a hundred thousand spoiled frames on each protocol change nothing and cost no memory', () =>
  fuzzEverything({ work: 100_000, bodies: 100_000, streams: 100_000 }))
