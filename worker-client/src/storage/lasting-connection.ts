import type { IDBPDatabase } from 'idb'

/** Of a connection that is closed, and of a transaction that was under way when it was. */
const LOST: ReadonlySet<string> = new Set(['InvalidStateError', 'AbortError'])

/**
 * One connection for the life of the page. The browser may close it under us, e.g. when its owner clears the site's data: then it
 * is opened anew, and what was to be written is written.
 */
export function lastingConnection<Schema>(open: () => Promise<IDBPDatabase<Schema>>) {
  let connection = open()
  connection.catch(() => undefined) // Whoever uses it meets the error.
  return async <T>(use: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T> => {
    const held = connection
    try {
      return await use(await held)
    } catch (error) {
      if (!(error instanceof DOMException) || !LOST.has(error.name)) throw error
      if (connection === held) {
        connection = open()
        held.then(
          (database) => {
            database.close()
          },
          () => undefined
        )
      }
      return use(await connection)
    }
  }
}
