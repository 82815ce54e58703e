/** Development only: three jobs with real values, in the shapes of the API. Used for looking at pages and in unit tests. */
import {
  blobRef,
  jobDetailSchema,
  jobIdOf,
  jobSpecSchema,
  jobSummarySchema,
  resultRowSchema,
  utf8,
  type JobDetail,
  type JobSpec,
  type JobState,
  type JobSummary,
  type Reduced,
  type ResultRow
} from '@peercompute/job-specs'
import { prefixes, solutionsFrom } from './fixture-queens.ts'

export const fixtureNames = ['mandelbrot', 'keeling', 'queens'] as const
export type FixtureName = (typeof fixtureNames)[number]

export const AUTHOR = '7Qm4kXxN2aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567'
const ACCOUNTS = ['acC1kXxN2aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567', 'acC2kXxN2aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567']
export const HOSTS = [
  'h51dkXxN2aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567',
  'ha0fkXxN2aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567',
  'h19ckXxN2aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567'
]
const kernel = (name: string) => ({
  name,
  abi: 1 as const,
  js: { blob: blobRef(utf8(`${name}.js`)) },
  wgsl: { blob: blobRef(utf8(`${name}.wgsl`)), passes: [{ entry: 'main', grid: [4096, 1, 1] as [number, number, number], repeat: 1 }] }
})
const common = { v: 1 as const, revision: 1, inputs: [], limits: { unitSeconds: 30, outputBytes: 65_536, memoryBytes: 67_108_864 } }
const exact = (independence: 'host' | 'executor') => ({
  policy: 'quorum' as const,
  quorum: 2,
  independence,
  comparator: { kind: 'exact' as const },
  maxResults: 8
})

const SPECS: Record<FixtureName, JobSpec> = {
  mandelbrot: jobSpecSchema.parse({
    ...common,
    name: 'seahorse-valley',
    title: 'How rough is the edge of a simple rule?',
    researcher: 'Ines Okafor, Institute for Complex Dynamics',
    description:
      'One short rule, repeated, decides whether a point stays or flies away. The border between the two is endlessly wrinkled. Each tile counts the steps of 2 304 points. Together the tiles show where the wrinkles are finest.',
    kernel: kernel('mandelbrot'),
    params: { centre: [-0.74548, 0.11305], span: 0.0052, limit: 700 },
    unitCount: 144,
    outputs: [{ name: 'steps', type: 'u32', shape: [48, 48] }],
    verification: exact('host'),
    reduce: { kind: 'none' },
    view: { kind: 'image', output: 'steps', columns: 16, scale: 'log' },
    unitOperations: 4.2e7
  }),
  keeling: jobSpecSchema.parse({
    ...common,
    name: 'keeling-fit',
    title: 'How fast does carbon dioxide rise?',
    researcher: 'PeerCompute sample',
    description:
      'Sixty years of monthly measurements on Mauna Loa, and half a million curves that might describe them. Each tile tries a block of curves and keeps the one that misses least.',
    kernel: kernel('keeling-fit'),
    params: { blocks: 1 },
    unitCount: 1000,
    outputs: [{ name: 'misfit', type: 'f64', shape: [64] }],
    verification: { ...exact('executor'), comparator: { kind: 'tolerance', absolute: 0, relative: 1e-5 } },
    reduce: { kind: 'argmin', output: 'misfit' },
    view: {
      kind: 'surface',
      output: 'misfit',
      columns: 40,
      x: { label: 'trend, ppm per year', from: 1.2, to: 2 },
      y: { label: 'annual amplitude, ppm', from: 1.6, to: 3.6 }
    },
    unitOperations: 2.1e6
  }),
  queens: jobSpecSchema.parse({
    ...common,
    name: 'n-queens-10',
    title: 'Ten queens that cannot reach each other',
    researcher: 'PeerCompute sample',
    description:
      'In how many ways can ten queens stand on a board of ten by ten, so that none attacks another? Each tile fixes the first two queens and counts the rest.',
    kernel: kernel('n-queens'),
    params: { n: 10 },
    unitCount: 72,
    outputs: [{ name: 'solutions', type: 'u32', shape: [1] }],
    verification: exact('host'),
    reduce: { kind: 'sum', output: 'solutions' },
    view: { kind: 'number', label: 'Solutions' },
    unitOperations: 1e6
  })
}

/** Share of the units that are settled, by job, and the state that follows. */
const PROGRESS: Record<FixtureName, { readonly settled: number; readonly state: JobState }> = {
  mandelbrot: { settled: 0.78, state: 'running' },
  keeling: { settled: 0.66, state: 'running' },
  queens: { settled: 1, state: 'completed' }
}

export function spec(name: FixtureName): JobSpec {
  return SPECS[name]
}

export function jobId(name: FixtureName): string {
  return jobIdOf(AUTHOR, SPECS[name])
}

/** Units in the order in which they were settled: a front, with stragglers behind it. */
export function settledUnits(name: FixtureName): number[] {
  const { unitCount } = SPECS[name]
  const settled = Math.floor(unitCount * PROGRESS[name].settled)
  const early = (unit: number) =>
    (name === 'mandelbrot' ? Math.hypot((unit % 16) - 8.2, (Math.floor(unit / 16) - 3.6) * 1.5) : unit / 40) + ((unit * 7919) % 97) / 26
  return Array.from({ length: unitCount }, (_, unit) => unit)
    .sort((a, b) => early(a) - early(b))
    .slice(0, settled)
}

function steps(unit: number): number[] {
  const out: number[] = []
  for (let pixel = 0; pixel < 48 * 48; pixel++) {
    const a = -0.74548 + (((unit % 16) * 48 + (pixel % 48)) / 768 - 0.5) * 0.0052
    const b = 0.11305 + (0.5 - (Math.floor(unit / 16) * 48 + Math.floor(pixel / 48)) / 432) * 0.0052 * (432 / 768)
    let [x, y, count] = [0, 0, 0]
    while (count < 700 && x * x + y * y <= 4) [x, y, count] = [x * x - y * y + a, 2 * x * y + b, count + 1]
    out.push(count)
  }
  return out
}

function misfits(unit: number): number[] {
  const u = (1.2 + ((unit % 40) / 40) * 0.8 - 1.611) / 0.1
  const q = (1.6 + (Math.floor(unit / 40) / 25) * 2 - 2.86) / 0.4
  return Array.from({ length: 64 }, (_, index) => 214.8 * (1 + 0.4 * (u * u + q * q + 0.75 * u * q) + ((index * 37) % 64) / 200))
}

export function unitValue(name: FixtureName, unit: number): number[] {
  if (name === 'mandelbrot') return steps(unit)
  if (name === 'keeling') return misfits(unit)
  return [solutionsFrom(10, prefixes(10)[unit] ?? [])]
}

export function row(name: FixtureName, unit: number): ResultRow {
  const output = SPECS[name].outputs[0]?.name ?? ''
  const vote = (at: number, executor: 'webgpu' | 'js', verdict: 'canonical' | 'agrees' | 'rejected') => ({
    host: HOSTS[at],
    account: ACCOUNTS[at % 2],
    executor,
    numericClass: executor === 'js' ? 'js-fdlibm' : 'webgpu-swiftshader-156',
    epoch: unit + 1,
    verdict
  })
  return resultRowSchema.parse({
    unit,
    digest: blobRef(utf8(`${name}-${unit}`)).sha256,
    settledAt: Date.now() - 1000 * (200 - unit / 10),
    values: { [output]: unitValue(name, unit) },
    votes: [
      vote(0, 'webgpu', 'canonical'),
      vote(name === 'keeling' ? 0 : 1, 'js', 'agrees'),
      ...(unit % 9 === 4 ? [vote(2, 'js', 'rejected')] : [])
    ],
    independence: SPECS[name].verification.independence
  })
}

function reduced(name: FixtureName, settled: readonly number[]): Reduced {
  if (name === 'mandelbrot') return { kind: 'none' }
  if (name === 'queens') return { kind: 'sum', sum: String(settled.reduce((sum, unit) => sum + (unitValue(name, unit)[0] ?? 0), 0)) }
  let best: { value: number; unit: number; index: number } | null = null
  for (const unit of settled)
    for (const [index, value] of unitValue(name, unit).entries()) if (best === null || value < best.value) best = { value, unit, index }
  return best === null ? { kind: 'argmin', value: null, unit: null, index: null } : { kind: 'argmin', ...best }
}

export function summary(name: FixtureName): JobSummary {
  const { unitCount, title, researcher, verification } = SPECS[name]
  const settled = settledUnits(name)
  const open = unitCount - settled.length
  const [validating, inProgress] = [Math.ceil(open * 0.12), Math.ceil(open * 0.2)].map((part) => Math.min(part, open)) as [number, number]
  const errored = name === 'keeling' ? 2 : 0
  return jobSummarySchema.parse({
    id: jobId(name),
    name: SPECS[name].name,
    title,
    researcher,
    author: AUTHOR,
    custodial: name === 'queens',
    state: PROGRESS[name].state,
    unitCount,
    units: { validated: settled.length, validating, inProgress, errored, waiting: open - validating - inProgress - errored },
    submittedAt: Date.now() - 680_000,
    firstValidatedAt: Date.now() - 678_900,
    endedAt: name === 'queens' ? Date.now() - 60_000 : null,
    reduced: reduced(name, settled),
    independence: verification.independence,
    verification,
    sameMachine: name === 'keeling',
    executionsPerUnit: 2.03
  })
}

export function detail(name: FixtureName): JobDetail {
  const done = name === 'queens'
  return jobDetailSchema.parse({
    ...summary(name),
    spec: SPECS[name],
    hosts: done ? 0 : 3,
    settledWithin: [[0, SPECS[name].unitCount]],
    why: done
      ? { code: 'job_completed', sentence: 'The job is complete.', remedy: 'Download the results.' }
      : {
          code: 'too_few_independent',
          sentence: 'Fewer independent volunteers are connected than the quorum needs.',
          remedy: 'Invite another volunteer, or ask for a weaker independence.'
        },
    failures:
      name === 'keeling'
        ? [
            { reason: 'compile_error', units: 1, message: 'kernel.wgsl:14:22 error: no member "trend" in "Modle"', host: HOSTS[2] },
            { reason: 'inconclusive', units: 1, message: '8 results, no two agree within 1e-5', host: HOSTS[1] }
          ]
        : []
  })
}
