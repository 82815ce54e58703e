/**
 * Comparators of jobs, for decisions that cannot wait for a promise: the program runs in a thread of its own, and the coordinator sleeps
 * until it answers, for a bounded time. A program that does not answer is ended with its thread. Never throws: a comparator that fails is a
 * comparison that failed, and the core pauses its job.
 */
import { MessageChannel, receiveMessageOnPort, type MessagePort, type Worker } from 'node:worker_threads'
import { compareValues, mustBeEqual, unitValueBytes, type Bytes, type Comparison, type ContentHash } from '@peercompute/job-specs'
import type { CustomComparison } from '../core/index.ts'
import { failedComparison } from './compare-in-cage.ts'
import type { ComparisonQuestion, ComparisonThreadData } from './comparison-thread.ts'
import { startThread } from './start-thread.ts'

export interface CagedComparison {
  readonly compare: CustomComparison
  close(): Promise<void>
}

export interface CagedComparisonInit {
  /** Read once for each program, at its first comparison: also while the state is built anew, before anything can be awaited. */
  readonly readBlob: (sha256: ContentHash) => Bytes
  readonly answerMs?: number
}

const START_MS = 10_000
/** Fuel ends programs long before. This is for loops that fuel does not count, once a job: it is paused then. */
const ANSWER_MS = 1_000
const PROGRAMS_MAX = 64

interface Thread {
  readonly worker: Worker
  readonly port: MessagePort
  readonly signal: Int32Array
}

export function createCagedComparison({ readBlob, answerMs = ANSWER_MS }: CagedComparisonInit): CagedComparison {
  const programs = new Map<ContentHash, string>()
  const ending = new Set<Promise<number>>()
  let thread: Thread | null = null

  const end = (): void => {
    if (thread === null) return
    const ended = thread.worker.terminate()
    ending.add(ended)
    void ended.finally(() => ending.delete(ended))
    thread.port.close()
    thread = null
  }
  const sourceOf = (sha256: ContentHash): string => {
    const known = programs.get(sha256)
    if (known !== undefined) return known
    const source = new TextDecoder().decode(readBlob(sha256))
    const [oldest] = programs.keys()
    if (programs.size >= PROGRAMS_MAX && oldest !== undefined) programs.delete(oldest)
    programs.set(sha256, source)
    return source
  }
  const ask = (question: ComparisonQuestion): Comparison => {
    thread ??= start()
    Atomics.store(thread.signal, 0, 0)
    thread.port.postMessage(question)
    Atomics.wait(thread.signal, 0, 0, answerMs)
    const answer: { message: Comparison } | undefined = receiveMessageOnPort(thread.port)
    if (answer === undefined) end()
    return answer?.message ?? failedComparison(`agree took longer than ${answerMs} ms.`)
  }

  return {
    compare: ({ verification: { comparator }, outputs }, a, b) => {
      const wanted = unitValueBytes(outputs)
      if (comparator.kind !== 'custom' || mustBeEqual(comparator, a, b) || a.value.length !== wanted || b.value.length !== wanted)
        return compareValues({ kind: 'exact' }, outputs, a.value, b.value)
      try {
        return ask({ source: sourceOf(comparator.js.sha256), outputs, a: a.value, b: b.value })
      } catch (error) {
        end()
        return failedComparison(error instanceof Error ? error.message : String(error))
      }
    },
    async close() {
      end()
      await Promise.all(ending)
    }
  }
}

/** Returns when it is ready to answer. */
function start(): Thread {
  const signal = new Int32Array(new SharedArrayBuffer(4))
  const { port1: port, port2 } = new MessageChannel()
  const worker = startThread('./comparison-thread.ts', { signal, port: port2 } satisfies ComparisonThreadData, [port2])
  worker.on('error', () => undefined)
  worker.unref()
  port.unref()
  if (Atomics.wait(signal, 0, 0, START_MS) !== 'timed-out') return { worker, port, signal }
  void worker.terminate()
  throw new Error('the thread for comparators did not start')
}
