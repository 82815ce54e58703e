/** What the coordinator counts. `docs/METRICS.md` lists exactly these (a test compares them). No label per host or job. */
import { MICRO_CREDITS, reportAnswers, type CreditFinding, type ErrorCode, type Report, type ReportAnswer } from '@peercompute/job-specs'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Coordinator } from '../coordinator.ts'
import type { DiskGuard } from '../durability/disk-guard.ts'
import type { RelayView } from '../relay/relay-pool.ts'
import { registerRelayMetrics } from './relay-metrics.ts'

export interface WorkMetrics {
  message(type: string): void
  refused(code: ErrorCode): void
  reported(report: Report, answers: readonly { readonly answer: ReportAnswer }[]): void
}

export interface HttpMetrics {
  /** `route` is the pattern, never the address. */
  request(method: string, route: string, status: number, seconds: number): void
  liveStreams(change: 1 | -1): void
  blobStored(bytes: number): void
}

export interface Metrics extends WorkMetrics, HttpMetrics {
  /** `failed`: it will be tried again from the store. */
  ledgerFlushed(records: number, outcome: 'appended' | 'failed'): void
  followRelays(relays: () => readonly RelayView[]): void
  followCreditAudit(finding: () => CreditFinding | null): void
  /** Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
  close(): void
}

const COMPUTE_SECONDS = [0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800]
const REQUEST_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10]

export function createMetrics(coordinator: Coordinator, disk: Pick<DiskGuard, 'freeBytes' | 'alarm'> | null = null): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const admitted = new Counter({ name: 'peercompute_jobs_admitted_total', help: 'Jobs admitted since the start.', registers })
  const ended = new Counter({
    name: 'peercompute_jobs_ended_total',
    help: 'Jobs ended since the start, by final state.',
    labelNames: ['state'],
    registers
  })
  const settled = new Counter({ name: 'peercompute_units_settled_total', help: 'Work units validated since the start.', registers })
  const messages = new Counter({
    name: 'peercompute_work_messages_total',
    help: 'Messages of hosts, by type.',
    labelNames: ['type'],
    registers
  })
  const refusals = new Counter({
    name: 'peercompute_work_refusals_total',
    help: 'Messages of hosts answered by an error, by code.',
    labelNames: ['code'],
    registers
  })
  const answers = new Counter({
    name: 'peercompute_report_answers_total',
    help: 'Reported results, by what became of them.',
    labelNames: ['answer'],
    registers
  })
  const compute = new Histogram({
    name: 'peercompute_unit_compute_seconds',
    help: 'Compute time of a unit as the host measured it, by executor.',
    labelNames: ['executor'],
    buckets: COMPUTE_SECONDS,
    registers
  })
  const http = new Histogram({
    name: 'peercompute_http_request_seconds',
    help: 'Time until the response was sent, by method, route and status class.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_SECONDS,
    registers
  })
  const streams = new Gauge({ name: 'peercompute_live_streams', help: 'Open streams of live events.', registers })
  const blobs = new Counter({ name: 'peercompute_blob_stored_bytes_total', help: 'Bytes of blobs stored since the start.', registers })
  const records = new Counter({
    name: 'peercompute_ledger_records_total',
    help: 'Own ledger records, by whether they were appended or failed and wait for the next attempt.',
    labelNames: ['outcome'],
    registers
  })
  new Gauge({
    name: 'peercompute_hosts_connected',
    help: 'Hosts that are connected now.',
    registers,
    collect() {
      this.set(coordinator.fleet().hosts)
    }
  })
  new Gauge({
    name: 'peercompute_disk_free_bytes',
    help: 'Free space on the disk of the data folder.',
    registers,
    collect() {
      this.set(disk?.freeBytes ?? NaN)
    }
  })
  new Gauge({
    name: 'peercompute_disk_alarm',
    help: 'Whether no work is given out because there is too little space (1) or not (0).',
    registers,
    collect() {
      this.set(disk === null || disk.alarm === null ? 0 : 1)
    }
  })
  new Gauge({
    name: 'peercompute_process_resident_bytes',
    help: 'Resident memory of the process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    }
  })
  new Gauge({
    name: 'peercompute_process_cpu_seconds',
    help: 'Processor time that the process has used, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.set((user + system) / 1e6)
    }
  })
  let finding: () => CreditFinding | null = () => null
  new Gauge({
    name: 'peercompute_credit_difference',
    help: 'Credit that no settled unit accounts for, by the last audit: 0 when the books are right, NaN before the first.',
    registers,
    collect() {
      this.set((finding()?.difference ?? NaN) / MICRO_CREDITS)
    }
  })
  new Gauge({
    name: 'peercompute_credit_audited_seconds',
    help: 'When credit was last audited, as Unix time; 0 before the first audit.',
    registers,
    collect() {
      this.set((finding()?.at ?? 0) / 1_000)
    }
  })
  let relays: () => readonly RelayView[] = () => []
  registerRelayMetrics(registry, () => relays())
  for (const answer of reportAnswers) answers.inc({ answer }, 0)

  const unsubscribe = coordinator.onSettlement((settlement) => {
    if (settlement.kind === 'admitted') admitted.inc()
    if (settlement.kind === 'settled') settled.inc(settlement.digests.length)
    if (settlement.kind === 'ended') ended.inc({ state: settlement.state })
  })

  // Each look-up by labels sorts and joins them anew.
  const byType = remembered((type: string) => messages.labels(type))
  const byAnswer = remembered((answer: ReportAnswer) => answers.labels(answer))
  const byExecutor = remembered((executor: string) => compute.labels(executor))

  return {
    message(type) {
      byType(type).inc()
    },
    refused(code) {
      refusals.inc({ code })
    },
    reported(report, given) {
      for (const { answer } of given) byAnswer(answer).inc()
      const times = byExecutor(report.executor)
      for (const unit of report.units) times.observe(unit.computeMs / 1_000)
    },
    request(method, route, status, seconds) {
      http.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds)
    },
    liveStreams(change) {
      streams.inc(change)
    },
    blobStored(bytes) {
      blobs.inc(bytes)
    },
    ledgerFlushed(count, outcome) {
      records.inc({ outcome }, count)
    },
    followRelays(views) {
      relays = views
    },
    followCreditAudit(last) {
      finding = last
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    close: unsubscribe
  }
}

function remembered<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>()
  return (key) => {
    const value = known.get(key) ?? make(key)
    known.set(key, value)
    return value
  }
}
