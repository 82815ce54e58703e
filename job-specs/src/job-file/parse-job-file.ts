/** Text of a `job.yaml` (or JSON, which is YAML) → the checked file, or every problem with its line. */
import { isMap, isNode, isPair, LineCounter, parseAllDocuments, visit, type Document } from 'yaml'
import { utf8 } from '../bytes.ts'
import { describeIssues, type DescribedIssue } from './describe-issue.ts'
import { JOB_FILE_MAX_BYTES, jobFileJsonSchema, jobFileSchema, type JobFile } from './job-file.ts'
import { pathText, type FieldPath, type JobFileProblem } from './problem.ts'

export type ParsedJobFile =
  | { readonly ok: true; readonly file: JobFile; readonly locate: Locate }
  | { readonly ok: false; readonly problems: readonly JobFileProblem[] }

/** Line and column (from 1) of a field, or of its nearest parent when it is not there. */
export type Locate = (path: FieldPath, atKey?: boolean) => { readonly line: number; readonly column: number }

/** Resolving more aliases than this is a bomb, not a job. */
const MAX_ALIASES = 64

function placeAt(lines: LineCounter, offset: number) {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

function unresolvedAlias(document: Document): { readonly name: string; readonly offset: number } | undefined {
  let found: { name: string; offset: number } | undefined
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined
      found = { name: alias.source, offset: alias.range?.[0] ?? 0 }
      return visit.BREAK
    }
  })
  return found
}

function located(document: Document, lines: LineCounter): Locate {
  const place = (offset: number | undefined) => placeAt(lines, offset ?? 0)
  const keyOffset = (path: FieldPath): number | undefined => {
    const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
    if (!isMap(parent)) return undefined
    const pair = parent.items.find((item) => isPair(item) && isNode(item.key) && item.key.toJSON() === path.at(-1))
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined
  }
  return (path, atKey = false) => {
    for (let length = path.length; length > 0; length--) {
      const part = path.slice(0, length)
      if (atKey || length < path.length) {
        const offset = keyOffset(part)
        if (offset !== undefined) return place(offset)
      }
      const node: unknown = document.getIn(part, true)
      if (isNode(node) && node.range) return place(node.range[0])
    }
    return place(isNode(document.contents) ? document.contents.range?.[0] : undefined)
  }
}

/** Places each issue; two issues on the same field with the same sentence are one. */
export function placeIssues(issues: readonly DescribedIssue[], locate: Locate): readonly JobFileProblem[] {
  const problems = issues.map(({ path, message, atKey }) => ({ message, path: pathText(path), ...locate(path, atKey) }))
  const unique = new Map(problems.map((problem) => [`${problem.path}\0${problem.message}`, problem]))
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column)
}

function refuse(message: string, place: { line: number; column: number } = { line: 1, column: 1 }): ParsedJobFile {
  return { ok: false, problems: [{ message, path: '', ...place }] }
}

export function parseJobFile(text: string): ParsedJobFile {
  const bytes = utf8(text).length
  if (bytes > JOB_FILE_MAX_BYTES) return refuse(`The job file has ${bytes} bytes, more than ${JOB_FILE_MAX_BYTES}: put data into inputs`)
  const lines = new LineCounter()
  try {
    const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: '1.2' })
    const document = Array.isArray(documents) ? documents[0] : undefined
    if (document === undefined || document.contents === null) return refuse('The job file is empty; begin with: peercompute: 1')
    if (documents.length > 1) return refuse('The job file holds more than one YAML document; keep one')
    const fault = document.errors[0] ?? document.warnings[0]
    if (fault !== undefined) {
      return refuse(`The file is not valid YAML: ${fault.message}`, placeAt(lines, fault.pos[0]))
    }
    const unanchored = unresolvedAlias(document)
    if (unanchored !== undefined)
      return refuse(`The file is not valid YAML: "*${unanchored.name}" names no anchor`, placeAt(lines, unanchored.offset))
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    const locate = located(document, lines)
    const parsed = jobFileSchema.safeParse(value)
    if (parsed.success) return { ok: true, file: parsed.data, locate }
    return { ok: false, problems: placeIssues(describeIssues(parsed.error.issues, jobFileJsonSchema(), value), locate) }
  } catch (error) {
    // The YAML reader throws on alias bombs and on nesting deeper than the stack.
    return refuse(`The file is not valid YAML: ${error instanceof Error ? error.message : 'it cannot be read'}`)
  }
}
