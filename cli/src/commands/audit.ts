/** The audit log, entry by entry. */
import { ndjson, operatorOf, type Context, type RemoteOptions } from '../context.ts'
import { moment } from '../output/format.ts'
import { printable } from '../output/printable.ts'

const PAGE = 1_000

export interface AuditOptions extends RemoteOptions {
  readonly from: number
  readonly limit?: number
}

/** A line each; with `--json` an object a line. */
export async function audit(context: Context, { from, limit = Infinity, ...options }: AuditOptions): Promise<void> {
  const api = await operatorOf(context, options)
  let left = limit
  for (let next: number | null = from; next !== null && left > 0;) {
    const page = await api.audit({ from: next, limit: Math.min(PAGE, left) })
    for (const entry of page.entries) {
      const line = options.json
        ? ndjson(entry)
        : `${entry.seq}  ${moment(entry.at)}  ${entry.kind}  ${printable(JSON.stringify(entry.body))}\n`
      await context.terminal.data(line)
    }
    left -= page.entries.length
    next = page.next
  }
}
