import { PeerComputeError } from '@peercompute/job-specs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Reading, RETRY } from './reading.ts'

interface Job {
  readonly state: string
  readonly hosts: number
}

/** A coordinator whose answers come when the test says so. */
function createDesk() {
  const questions: PromiseWithResolvers<Job>[] = []
  const shown: Job[] = []
  const troubles: unknown[] = []
  const reading = new Reading<Job>({
    read: () => {
      const question = Promise.withResolvers<Job>()
      questions.push(question)
      return question.promise
    },
    onValue: (value) => shown.push(value),
    onTrouble: (error) => troubles.push(error),
    random: () => 0.999
  })
  const answer = async (index: number, job: Job): Promise<void> => {
    questions[index]?.resolve(job)
    await vi.advanceTimersByTimeAsync(0)
  }
  const fail = async (index: number, error: unknown): Promise<void> => {
    questions[index]?.reject(error)
    await vi.advanceTimersByTimeAsync(0)
  }
  return { questions, shown, troubles, reading, answer, fail, latest: () => shown.at(-1) }
}

const completed = (job: Job): Job => ({ ...job, state: 'completed' })
const AWAY = new PeerComputeError('COORDINATOR_UNREACHABLE', 'No connection could be made.')

describe('what is read and changed by events', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is not thrown back by an answer that was asked for before the event', async () => {
    const { reading, answer, latest, shown } = createDesk()
    void reading.load(new AbortController().signal)
    await answer(0, { state: 'running', hosts: 1 })
    void reading.load(new AbortController().signal)
    reading.change(completed)
    expect(latest()).toEqual({ state: 'completed', hosts: 1 })
    await answer(1, { state: 'running', hosts: 2 })
    expect(latest()).toEqual({ state: 'completed', hosts: 2 })
    expect(shown.slice(1).map(({ state }) => state)).toEqual(['completed', 'completed'])
  })

  it('takes an event that came before the first answer', async () => {
    const { reading, answer, latest } = createDesk()
    void reading.load(new AbortController().signal)
    reading.change(completed)
    expect(latest()).toBeUndefined()
    await answer(0, { state: 'running', hosts: 1 })
    expect(latest()).toEqual({ state: 'completed', hosts: 1 })
  })

  it('believes an answer that was asked for after the event', async () => {
    const { reading, answer, latest } = createDesk()
    void reading.load(new AbortController().signal)
    reading.change(completed)
    await answer(0, { state: 'running', hosts: 1 })
    void reading.load(new AbortController().signal)
    await answer(1, { state: 'retired', hosts: 1 })
    expect(latest()).toEqual({ state: 'retired', hosts: 1 })
  })

  it('asks once more when it was asked during a reading, however often', async () => {
    const { reading, answer, questions, latest } = createDesk()
    const { signal } = new AbortController()
    for (let calls = 0; calls < 5; calls++) void reading.load(signal)
    expect(questions).toHaveLength(1)
    await answer(0, { state: 'running', hosts: 1 })
    expect(questions).toHaveLength(2)
    await answer(1, { state: 'running', hosts: 2 })
    expect([questions.length, latest()?.hosts]).toEqual([2, 2])
  })

  it('tries again after a failure, ever later, and says what is wrong until it succeeds', async () => {
    const { reading, answer, fail, questions, troubles, latest } = createDesk()
    const loaded = reading.load(new AbortController().signal)
    await fail(0, AWAY)
    expect([questions.length, troubles]).toEqual([1, [AWAY]])
    await vi.advanceTimersByTimeAsync(RETRY.firstMs)
    await fail(1, AWAY)
    await vi.advanceTimersByTimeAsync(RETRY.firstMs)
    expect(questions).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(RETRY.firstMs)
    expect(questions).toHaveLength(3)
    await answer(2, { state: 'running', hosts: 1 })
    await loaded
    expect([troubles.at(-1), latest()?.hosts]).toEqual([null, 1])
    await vi.advanceTimersByTimeAsync(RETRY.capMs)
    expect(questions).toHaveLength(3)
  })

  it('keeps what came while it rested after a failure', async () => {
    const { reading, answer, fail, latest } = createDesk()
    void reading.load(new AbortController().signal)
    await answer(0, { state: 'running', hosts: 1 })
    void reading.load(new AbortController().signal)
    await fail(1, AWAY)
    reading.change(completed)
    expect(latest()?.state).toBe('completed')
    await vi.advanceTimersByTimeAsync(RETRY.firstMs)
    await answer(2, { state: 'completed', hosts: 3 })
    expect(latest()).toEqual({ state: 'completed', hosts: 3 })
  })

  it('does not wait out the rest when somebody asks', async () => {
    const { reading, fail, questions } = createDesk()
    void reading.load(new AbortController().signal)
    await fail(0, AWAY)
    void reading.load(new AbortController().signal)
    await vi.advanceTimersByTimeAsync(0)
    expect(questions).toHaveLength(2)
  })

  it('leaves it at a refusal that will not change', async () => {
    const { reading, fail, questions, troubles } = createDesk()
    const refusal = new PeerComputeError('JOB_NOT_FOUND', 'no job has this id')
    const loaded = reading.load(new AbortController().signal)
    await fail(0, refusal)
    await loaded
    await vi.advanceTimersByTimeAsync(RETRY.capMs)
    expect([questions.length, troubles]).toEqual([1, [refusal]])
  })

  it('stops when it is called off, and goes on for whoever asks next', async () => {
    const { reading, answer, fail, questions, troubles, latest } = createDesk()
    const first = new AbortController()
    const loaded = reading.load(first.signal)
    await fail(0, AWAY)
    first.abort()
    await loaded
    await vi.advanceTimersByTimeAsync(RETRY.capMs)
    expect(questions).toHaveLength(1)

    const second = new AbortController()
    void reading.load(second.signal)
    second.abort()
    void reading.load(new AbortController().signal)
    await fail(1, new Error('called off'))
    await answer(2, { state: 'running', hosts: 1 })
    expect([questions.length, troubles, latest()?.hosts]).toEqual([3, [AWAY, null], 1])
  })
})
