/** The rows of a download in the forms that people and other programs take. Made from values and receipts, and so checked by making them again. */
import { elementCount } from '../kernel.ts'
import type { UnitReceipt } from '../receipt.ts'
import type { DownloadHead, DownloadUnit } from './download.ts'

export const resultForms = ['ndjson', 'json', 'csv'] as const
export type ResultForm = (typeof resultForms)[number]

/** Lines without their line feeds. */
export interface ResultLines {
  readonly before: readonly string[]
  row(receipt: UnitReceipt, values: DownloadUnit['values'], first: boolean): string
  readonly after: readonly string[]
}

function jsonRow({ unit, digest, settledAt, errorProbability, votes, independence }: UnitReceipt, values: DownloadUnit['values']): string {
  return JSON.stringify({ unit, digest, settledAt, values, votes, errorProbability, independence })
}

/**
 * `ndjson`: a row a line. `json`: one document, a row a line. `csv`: `unit,digest`, then a column for each output, or for each of its
 * elements as `name[i]`; every field is a number, a hash or one of NaN, Infinity, -Infinity, so nothing needs quotes (RFC 4180).
 */
export function resultLines(form: ResultForm, { job, signed }: Pick<DownloadHead, 'job' | 'signed'>): ResultLines {
  switch (form) {
    case 'ndjson':
      return { before: [], row: jsonRow, after: [] }
    case 'json':
      return {
        before: [`{"job":${JSON.stringify(job)},"spec":${JSON.stringify(signed.spec)},"rows":[`],
        row: (receipt, values, first) => `${first ? '' : ','}${jsonRow(receipt, values)}`,
        after: [']}']
      }
    case 'csv': {
      const { outputs } = signed.spec
      const columns = outputs.flatMap((output) => {
        const count = elementCount(output)
        return count === 1 ? [output.name] : Array.from({ length: count }, (_, index) => `${output.name}[${index}]`)
      })
      return {
        before: [`${['unit', 'digest', ...columns].join(',')}\r`],
        row: ({ unit, digest }, values) => `${[unit, digest, ...outputs.flatMap(({ name }) => values[name] ?? [])].join(',')}\r`,
        after: []
      }
    }
  }
}
