/** Turns what zod found into sentences for people: the field, what is wanted, what was met, and what was probably meant. */
import type { z } from 'zod'
import { didYouMean } from './did-you-mean.ts'
import { pathText, type FieldPath } from './problem.ts'

type Issue = z.core.$ZodIssue
type Schema = z.core.JSONSchema.JSONSchema

export interface DescribedIssue {
  readonly path: FieldPath
  readonly message: string
  /** The place is the name of the field, not its value. */
  readonly atKey: boolean
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  object: 'a group of fields',
  record: 'a group of fields',
  array: 'a list',
  tuple: 'a list',
  boolean: 'true or false',
  null: 'empty'
}

function typeWord(type: string): string {
  return TYPE_WORDS[type] ?? type
}

/** The value as the sentence shows it: short. */
function shown(value: unknown): string {
  if (value === null || value === undefined) return 'empty'
  if (typeof value === 'string') return value.length > 40 ? `"${value.slice(0, 40)}…"` : `"${value}"`
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'a group of fields'
}

function valueAt(root: unknown, path: FieldPath): unknown {
  let value = root
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

/** Fields that the schema knows at a path, over all its alternatives. */
function knownFields(schema: Schema, path: FieldPath): readonly string[] {
  const alternatives = (node: Schema): Schema[] => [node, ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(alternatives)]
  const isSchema = (node: unknown): node is Schema => typeof node === 'object' && node !== null && !Array.isArray(node)
  let nodes = alternatives(schema)
  for (const key of path) {
    const next = nodes.map((node) => (typeof key === 'number' ? node.items : node.properties?.[key]))
    nodes = next.filter(isSchema).flatMap(alternatives)
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))]
}

function list(values: readonly unknown[]): string {
  return values.map((value) => (typeof value === 'string' ? `"${value}"` : String(value))).join(', ')
}

function suggestion(word: unknown, known: readonly unknown[]): string {
  if (typeof word !== 'string') return ''
  const meant = didYouMean(
    word,
    known.filter((one) => typeof one === 'string')
  )
  return meant === undefined ? '' : `; did you mean "${meant}"?`
}

/** The alternatives that the value was meant for: those that do not already fail on its type. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const deep = branches.filter((issues) => !issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type'))
  return deep.length === 1 ? deep[0] : undefined
}

function outOfRange(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall, value: unknown): string {
  const [relation, limit] = issue.code === 'too_big' ? ['at most', issue.maximum] : ['at least', issue.minimum]
  if (issue.origin === 'string') return `must have ${relation} ${String(limit)} characters, but has ${String(value).length}`
  if (issue.origin === 'array') return `must have ${relation} ${String(limit)} entries, but has ${Array.isArray(value) ? value.length : 0}`
  return `must be ${relation} ${String(limit)}, but is ${shown(value)}`
}

function wrongType(expected: string, value: unknown): string {
  if (value === undefined) return `is missing: ${typeWord(expected)} is wanted`
  const underscored = typeof value === 'string' && /^\d[\d_]*$/.test(value)
  const hint = underscored && ['number', 'int'].includes(expected) ? '; write the number without quotes and without _' : ''
  return `must be ${typeWord(expected)}, but is ${shown(value)}${hint}`
}

/** @param schema JSON Schema of the whole, for the names of fields. @param root the value that was checked. */
export function describeIssues(issues: readonly Issue[], schema: Schema, root: unknown): readonly DescribedIssue[] {
  const describe = (issue: Issue, prefix: FieldPath): readonly DescribedIssue[] => {
    const path = [...prefix, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))]
    const name = path.length === 0 ? 'The job file' : `"${pathText(path)}"`
    const value = valueAt(root, path)
    const one = (sentence: string, atKey = false): readonly DescribedIssue[] => [{ path, atKey, message: `${name} ${sentence}` }]
    switch (issue.code) {
      case 'invalid_type':
        return one(wrongType(issue.expected, value))
      case 'too_big':
      case 'too_small':
        return one(outOfRange(issue, value))
      case 'invalid_value': {
        const wanted = issue.values.length === 1 ? `must be ${list(issue.values)}` : `must be one of ${list(issue.values)}`
        return one(value === undefined ? `is missing: it ${wanted}` : `${wanted}, but is ${shown(value)}${suggestion(value, issue.values)}`)
      }
      case 'unrecognized_keys': {
        const known = knownFields(schema, path)
        const place = path.length === 0 ? '' : ` in "${pathText(path)}"`
        return issue.keys.map((key) => {
          const meant = suggestion(key, known)
          return {
            path: [...path, key],
            atKey: true,
            message: `Unknown field "${key}"${place}${meant || `; known are ${known.join(', ')}`}`
          }
        })
      }
      case 'invalid_key':
        return issue.issues.flatMap(() => one(`is not a usable name: ${issue.issues[0]?.message ?? 'it cannot be used'}`, true)).slice(0, 1)
      case 'invalid_union': {
        if (issue.discriminator !== undefined) {
          const kinds = ('options' in issue ? issue.options : undefined) ?? []
          if (value === undefined) return one(`is missing: one of ${list(kinds)} is wanted`)
          return one(`must be one of ${list(kinds)}, but is ${shown(value)}${suggestion(value, kinds)}`)
        }
        const branch = meantBranch(issue.errors)
        if (branch !== undefined) return branch.flatMap((inner) => describe(inner, path))
        const wanted = issue.errors.flatMap((branchIssues) =>
          branchIssues.flatMap((inner) => (inner.code === 'invalid_type' && inner.path.length === 0 ? [typeWord(inner.expected)] : []))
        )
        const words = [...new Set(wanted)].join(' or ')
        return one(value === undefined ? `is missing: ${words} is wanted` : `must be ${words}, but is ${shown(value)}`)
      }
      case 'invalid_format':
      case 'custom':
        return one(value === undefined || issue.code === 'custom' ? issue.message : `${issue.message}, but is ${shown(value)}`)
      case 'invalid_element':
      case 'not_multiple_of':
        return one(issue.message)
    }
  }
  return issues.flatMap((issue) => describe(issue, []))
}
