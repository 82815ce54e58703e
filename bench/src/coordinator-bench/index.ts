/** The coordinator's numbers: what a unit costs, how fast units go out and come back, and what many volunteers do to it. */
import type { Bench } from '../bench.ts'
import { dispatch } from './dispatch.ts'
import { drain } from './drain.ts'
import { endToEnd } from './end-to-end.ts'
import { engine, flat, submit } from './engine.ts'
import { memory } from './memory.ts'
import { volunteers } from './volunteers.ts'

export const coordinatorBench: Bench = {
  name: 'coordinator',
  summary: 'what a work unit costs from creation to credit, how fast units go out, and how many volunteers one coordinator holds',
  parts: [
    endToEnd,
    engine,
    dispatch('dispatch.1', 'work-stream', { rate: '>= 2000', share: '>= 0.209', p99: '<= 25' }),
    dispatch('dispatch.http', 'http', { rate: null, share: null, p99: null }),
    drain,
    flat,
    submit,
    volunteers('volunteers.small', 30, 100, null),
    volunteers('volunteers', 300, 2_000, '>= 95'),
    memory
  ]
}
