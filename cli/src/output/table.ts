/** Columns of text, as wide as their longest cell. Cells may carry colour: escape sequences take no room. */
import { stripVTControlCharacters } from 'node:util'

const GAP = '  '

export function table(head: readonly string[], rows: readonly (readonly string[])[], alignRight: readonly number[] = []): string {
  const width = (text: string) => stripVTControlCharacters(text).length
  const widths = head.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ''))))
  const line = (cells: readonly string[]) =>
    widths
      .map((wanted, column) => {
        const cell = cells[column] ?? ''
        const space = ' '.repeat(wanted - width(cell))
        return alignRight.includes(column) ? space + cell : cell + space
      })
      .join(GAP)
      .trimEnd()
  return [line(head), ...rows.map(line)].map((text) => `${text}\n`).join('')
}
