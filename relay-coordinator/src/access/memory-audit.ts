import type { AuditEntry, AuditPort } from '../core/store.ts'

/** An audit log that ends with the process, without hashes. */
export function memoryAudit(): AuditPort {
  const entries: AuditEntry[] = []
  return {
    audit(kind, body, at) {
      entries.push({ seq: entries.length + 1, at, kind, body, hash: null })
    },
    auditEntries: (from, limit) => entries.slice(Math.max(0, from - 1), Math.max(0, from - 1) + limit)
  }
}
