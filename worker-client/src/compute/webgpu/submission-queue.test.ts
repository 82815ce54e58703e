import { describe, expect, it } from 'vitest'
import { SubmissionQueue } from './submission-queue.ts'

const WORK_MS = 1
const ESTIMATE_MS = 10
/** A device's clock need not begin where the host's does. */
const DEVICE_EPOCH_MS = 1_000

/** Virtual time: it passes only while somebody sleeps, or waits for a device that needs WORK_MS for each submission. */
function setUp(timestamps: boolean) {
  let now = 0
  let submittedAt = 0
  const slept: number[] = []
  const nothing = () => undefined
  const device: object = {
    lost: new Promise(nothing),
    queue: {
      submit: () => {
        submittedAt = now
      }
    },
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    createQuerySet: () => ({}),
    createBuffer: () => ({
      mapAsync: () => {
        now = Math.max(now, submittedAt + WORK_MS)
        return Promise.resolve()
      },
      getMappedRange: () => {
        const times = timestamps ? [submittedAt, submittedAt + WORK_MS].map((ms) => BigInt(DEVICE_EPOCH_MS + ms) * 1_000_000n) : [0n, 0n]
        return BigUint64Array.from([...times, 0n, 0n]).buffer
      },
      unmap: nothing
    }),
    createCommandEncoder: () => ({
      beginComputePass: () => ({ end: nothing }),
      resolveQuerySet: nothing,
      copyBufferToBuffer: nothing,
      finish: () => ({})
    })
  }
  const queue = new SubmissionQueue(device as GPUDevice, timestamps, {
    now: () => now,
    beforeWait: (expectedMs) => {
      slept.push(expectedMs)
      now += expectedMs
      return Promise.resolve()
    }
  })
  const submit = async () => {
    const submitted = await queue.next(0, () => ({
      estimateMs: ESTIMATE_MS,
      before: nothing,
      compute: nothing,
      after: nothing,
      guard: null
    }))
    return (await submitted?.receipt)?.busyMs
  }
  return { submit, slept }
}

describe('SubmissionQueue', () => {
  it('never takes its own sleep for the work of a device that does not time it', async () => {
    const { submit } = setUp(false)
    expect([await submit(), await submit(), await submit()]).toEqual([WORK_MS, WORK_MS, WORK_MS])
  })

  it('sleeps through the work of a device that has timed the submission before', async () => {
    const { submit, slept } = setUp(true)
    expect([await submit(), await submit(), await submit()]).toEqual([WORK_MS, WORK_MS, WORK_MS])
    expect(slept).toEqual([ESTIMATE_MS, ESTIMATE_MS])
  })
})
