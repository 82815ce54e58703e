/**
 * The processes of a cage. Each runs one program at a time, and for one job only: what a job could leave behind in a process,
 * no other job meets. A program that is stopped while it works is killed with its process.
 */
import type { CpuTask } from '../compute/cpu/cpu-task.ts'
import type { UnitChannel, UnitOrder } from '../compute/pool/unit-protocol.ts'
import type { Cage, CageKind } from './cage.ts'
import { CageProcess } from './cage-process.ts'

/** A process of a job that has no work is kept for so long, and so many of them. */
const IDLE_MS = 10_000
const IDLE_MOST = 8

/** Inputs are there in several copies while they are handed over. */
const COPIES = 4

interface Idle {
  readonly job: string
  readonly process: CageProcess
  readonly timer: ReturnType<typeof setTimeout>
}

export class CagePool {
  readonly kind: CageKind
  readonly cage: Cage
  readonly #running = new Set<CageProcess>()
  #idle: Idle[] = []

  constructor(cage: Cage) {
    this.cage = cage
    this.kind = cage.kind
  }

  /** The way to a fresh program for the task's job. */
  channel({ job, memoryBytes, inputs, program }: CpuTask): UnitChannel<CpuTask> {
    const caged = this.#take(job, memoryBytes)
    /** Answers that it owes; while there are none it is at rest. */
    let owed = 0
    let open = true
    return {
      listen: (onAnswer, onEnd) => {
        const data = inputs.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
        caged.open({
          // A throw is kept for the program to tell: Deno cannot tell of errors once the prelude has taken its events away.
          script:
            program.kind === 'js'
              ? `try{globalThis.peercomputeKernel=(()=>{${program.script}\n})()}catch(error){globalThis.peercomputeThrown={error}}`
              : '',
          mostBytes: memoryBytes + COPIES * data,
          onAnswer(answer) {
            if (answer.type !== 'progress' && answer.type !== 'saved') owed--
            onAnswer(answer)
          },
          onEnd: (end) => {
            open = false
            this.#drop(caged)
            onEnd(end)
          }
        })
      },
      post: (order: UnitOrder<CpuTask>) => {
        if (order.type === 'load') owed++
        if (order.type === 'run') owed += order.count
        caged.order(order)
      },
      close: () => {
        if (!open) return
        open = false
        if (owed !== 0 || caged.ended) {
          this.#drop(caged)
          return
        }
        caged.closeProgram()
        this.#keep(job, caged)
      }
    }
  }

  /** Kills every process and removes the files of the cage. */
  async close(): Promise<void> {
    for (const process of this.#running) process.end('The cage was closed')
    this.#running.clear()
    for (const { timer } of this.#idle) clearTimeout(timer)
    this.#idle = []
    await this.cage.close()
  }

  #take(job: string, memoryBytes: number): CageProcess {
    const found = this.#idle.find((idle) => idle.job === job && idle.process.memoryBytes === memoryBytes && !idle.process.ended)
    if (found === undefined) {
      const process = new CageProcess(this.cage, memoryBytes)
      this.#running.add(process)
      return process
    }
    clearTimeout(found.timer)
    this.#idle.splice(this.#idle.indexOf(found), 1)
    return found.process
  }

  #keep(job: string, process: CageProcess): void {
    const timer = setTimeout(() => {
      this.#drop(process)
    }, IDLE_MS)
    this.#idle.push({ job, process, timer })
    const oldest = this.#idle.length > IDLE_MOST ? this.#idle[0] : undefined
    if (oldest !== undefined) this.#drop(oldest.process)
  }

  #drop(process: CageProcess): void {
    process.end('It is not needed any more')
    this.#running.delete(process)
    for (const { timer } of this.#idle.filter((idle) => idle.process === process)) clearTimeout(timer)
    this.#idle = this.#idle.filter((idle) => idle.process !== process)
  }
}
