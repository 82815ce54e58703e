import { it } from 'vitest'
import { fuzzEverything } from '../security/parts/fuzz-everything.ts'

// A client is good for two dozen streams, and a relay takes 13 clients a second: more streams would not fit into some minutes.
it('a hundred thousand spoiled frames and bodies, and twenty thousand streams of each protocol, change nothing and cost no memory', () =>
  fuzzEverything({ work: 100_000, bodies: 100_000, streams: 20_000 }))
