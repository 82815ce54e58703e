/** The `@workgroup_size` of an entry point, which the reflection does not report. */
import type { Extent } from './gpu-task.ts'

/** WGSL without comments; every line keeps its number. */
export function withoutComments(code: string): string {
  return code.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
}

/** `code` has no comments. A sentence when the size cannot be read. Sizes are integer literals or `const` names of such. */
export function workgroupSize(code: string, entry: string): Extent | string {
  const attributes = new RegExp(String.raw`((?:@\w+(?:\s*\([^)]*\))?\s*)+)fn\s+${entry}\s*\(`).exec(code)?.[1] ?? ''
  const size = /@workgroup_size\s*\(([^)]*)\)/.exec(attributes)?.[1]
  if (size === undefined) return `The entry point "${entry}" has no @workgroup_size`
  const parts = size
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const [x, y, z] = ['1', '1', '1'].map((one, index) => integer(code, parts[index] ?? one))
  if (x === undefined || y === undefined || z === undefined || Number.isNaN(x * y * z)) {
    return `The @workgroup_size(${size}) of "${entry}" must be made of integers or constants of integers`
  }
  return [x, y, z]
}

function integer(code: string, text: string): number {
  const literal = /^(0x[\da-f]+|\d+)[iu]?$/i.exec(text)?.[1]
  if (literal !== undefined) return Number(literal)
  if (!/^\w+$/.test(text)) return Number.NaN
  const value = new RegExp(String.raw`\bconst\s+${text}\s*(?::\s*\w+\s*)?=\s*(0x[\da-f]+|\d+)[iu]?\s*;`, 'i').exec(code)?.[1]
  return value === undefined ? Number.NaN : Number(value)
}
