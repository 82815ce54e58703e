/** Spoiled frames on every protocol that a coordinator, a relay or a host with blobs answers; it goes on as if nothing had been. */
import { it } from 'vitest'
import { fuzzEverything } from './parts/fuzz-everything.ts'

// A stream costs a millisecond, a frame over HTTP a quarter. 100 000 of each: soak/wire-fuzz.test.ts.
it('spoiled frames and bodies change nothing, cost no memory, and honest hosts are served at once', () =>
  fuzzEverything({ work: 10_000, bodies: 3_000, streams: 500 }))
