/** What computing costs beside the kernel itself, and how fast it gives the machine back. */
import type { Bench } from '../bench.ts'
import { gpuInNode, gpuInTab } from './gpu.ts'
import { heapGrowth, idleHeap } from './heap.ts'
import { nodeUtilisation } from './node-utilisation.ts'
import { noopRate } from './noop-rate.ts'
import { overhead } from './overhead.ts'
import { pageUtilisation } from './page-utilisation.ts'
import { resumeLoss } from './resume.ts'
import { killing, pausing } from './stopping.ts'

export const computeBench: Bench = {
  name: 'compute',
  summary: 'how busy a volunteer keeps its executors, what a unit costs beside its kernel, and how fast the machine is given back',
  parts: [
    nodeUtilisation('util.1s.node', 1_000, '>= 98'),
    nodeUtilisation('util.100ms.node', 100, '>= 95'),
    pageUtilisation('util.1s.page', 1_000, '>= 98'),
    pageUtilisation('util.100ms.page', 100, '>= 95'),
    overhead,
    noopRate,
    pausing('node'),
    pausing('page'),
    killing('node'),
    killing('page'),
    resumeLoss,
    idleHeap,
    heapGrowth,
    gpuInNode,
    gpuInTab
  ]
}
