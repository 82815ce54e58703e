import type { DatabaseSync } from 'node:sqlite'

/** Bytes of all values of all rows; a number counts as 8. */
export function rowBytes(database: DatabaseSync): number {
  let sum = 0
  for (const { name } of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all())
    for (const row of database.prepare(`SELECT * FROM "${String(name)}"`).all())
      for (const value of Object.values(row)) {
        if (typeof value === 'string') sum += Buffer.byteLength(value)
        else if (value instanceof Uint8Array) sum += value.length
        else if (value !== null) sum += 8
      }
  return sum
}
