/** Text of strangers (titles, messages, labels) without the control characters that could rewrite a terminal. */
import { stripVTControlCharacters } from 'node:util'

export function printable(text: string): string {
  // Also bidirectional overrides, which make a line read as another one.
  return stripVTControlCharacters(text).replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, ' ')
}
