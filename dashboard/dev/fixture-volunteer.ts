/** Development only (`vite build --mode fixture`): stands where the volunteer library stands, computes nothing, says what it would say. */
import { ELEMENT_BYTES, generateKeyPair, type ElementType } from '@peercompute/job-specs'
import { fixtureReport } from './fixture-network.ts'
import { AUTHOR, jobId, settledUnits, spec, unitValue } from './fixture-jobs.ts'

export const governPage = () => ({ reconsider: () => undefined, stop: () => undefined })
export const systemClock = { now: () => Date.now(), schedule: () => () => undefined }
export const createIdbIdentityStore = () => ({ load: () => Promise.resolve(null) })
export const loadOrCreateIdentity = async () => ({ account: await generateKeyPair({ extractable: false }) })

export const createIdbPinStore = () => ({ lastInfo: () => Promise.resolve(null) })
export const probeDataWorker = () => Promise.resolve(true)
export const shareInMemory = () => Promise.resolve({ close: () => undefined })
export const startLibp2pNetwork = () =>
  Promise.resolve({
    report: () => fixtureReport,
    onReport: () => () => undefined,
    retryNow: () => undefined,
    trials: { announce: () => undefined, publish: () => Promise.resolve(2), onMessage: () => () => undefined, cut: () => undefined },
    stop: () => Promise.resolve()
  })

const WRITE: Record<ElementType, (view: DataView, at: number, value: number) => void> = {
  u8: (view, at, value) => {
    view.setUint8(at, value)
  },
  i32: (view, at, value) => {
    view.setInt32(at, value, true)
  },
  u32: (view, at, value) => {
    view.setUint32(at, value, true)
  },
  f32: (view, at, value) => {
    view.setFloat32(at, value, true)
  },
  f64: (view, at, value) => {
    view.setFloat64(at, value, true)
  }
}

export function valueBytes(name: 'mandelbrot' | 'keeling' | 'queens', unit: number): Uint8Array {
  const type = spec(name).outputs[0]?.type ?? 'u32'
  const values = unitValue(name, unit)
  const bytes = new Uint8Array(values.length * ELEMENT_BYTES[type])
  const view = new DataView(bytes.buffer)
  values.forEach((value, index) => {
    WRITE[type](view, index * ELEMENT_BYTES[type], value)
  })
  return bytes
}

export function createBrowserVolunteer() {
  let state = 'offline'
  let done = 0
  const changes = new Set<() => void>()
  const units = new Set<(news: object) => void>()
  const become = (next: string) => {
    state = next
    for (const change of [...changes]) change()
    return Promise.resolve()
  }
  const open = () => {
    const settled = new Set(settledUnits('mandelbrot'))
    return Array.from({ length: spec('mandelbrot').unitCount }, (_, unit) => unit).filter((unit) => !settled.has(unit))
  }
  const work = (queue: number[]) => {
    const unit = queue.shift()
    if (unit === undefined) return
    setTimeout(() => {
      if (state !== 'computing') return
      done += 1
      for (const tell of units) tell({ job: jobId('mandelbrot'), unit, value: valueBytes('mandelbrot', unit) })
      void become(state)
      work(queue)
    }, 400)
  }
  return {
    start: () => {
      void become('computing')
      work(open())
    },
    pause: () => void become('suspended'),
    resume: () => {
      void become('computing')
      work(open())
    },
    reconsider: () => undefined,
    finish: () => become('stopped'),
    stop: () => become('stopped'),
    snapshot: () => ({
      state: state as 'computing',
      reason: state === 'suspended' ? ('user_paused' as const) : null,
      suspended: state === 'suspended' ? (['user_paused', 'outside_schedule'] as const) : [],
      gpuSuspended: null,
      lending: { gpuShare: 0.25, sliceMs: 4, cpuSlots: 2 },
      executors: [
        { kind: 'webgpu' as const, software: true, numericClass: 'webgpu-swiftshader-156', busyUnits: 1, unitsDone: done },
        { kind: 'js' as const, software: false, numericClass: 'js-fdlibm', busyUnits: 2, unitsDone: Math.floor(done / 2) }
      ],
      currentJobs: [
        { id: jobId('mandelbrot'), title: spec('mandelbrot').title, researcher: spec('mandelbrot').researcher, description: '' }
      ],
      unitsDone: done,
      account: AUTHOR,
      host: AUTHOR
    }),
    onChange: (listener: () => void) => {
      changes.add(listener)
      return () => {
        changes.delete(listener)
      }
    },
    network: { onPeerNetwork: () => () => undefined },
    state: { onChange: () => () => undefined },
    onUnit: (listener: (news: never) => void) => {
      units.add(listener as (news: object) => void)
      return () => {
        units.delete(listener as (news: object) => void)
      }
    }
  }
}
