/** The job file's fields as a Markdown table, from the JSON Schema, so that the guide cannot rot. */
import type { z } from 'zod'

type Schema = z.core.JSONSchema.JSONSchema

function isSchema(node: unknown): node is Schema {
  return typeof node === 'object' && node !== null && !Array.isArray(node)
}

function limits(node: Schema): string {
  const [from, to] = [node.minimum ?? node.minLength ?? node.minItems, node.maximum ?? node.maxLength ?? node.maxItems]
  const counted = node.type === 'array' ? ' entries' : node.type === 'string' ? ' characters' : ''
  if (from !== undefined && to !== undefined) return `, ${from} … ${to}${counted}`
  if (to !== undefined) return `, at most ${to}${counted}`
  return from === undefined ? '' : `, at least ${from}${counted}`
}

function kind(node: Schema): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``
  if (node.enum) return node.enum.map((value) => `\`${String(value)}\``).join(', ')
  const branches = node.anyOf ?? node.oneOf
  if (branches) {
    const words = branches.filter(isSchema).map((branch) => {
      const discriminator = branch.properties?.kind
      return isSchema(discriminator) && discriminator.const !== undefined ? `\`${String(discriminator.const)}\`` : kind(branch)
    })
    return [...new Set(words)].join(' or ')
  }
  switch (node.type) {
    case 'integer':
      return `whole number${limits(node)}`
    case 'number':
      return `number${limits(node)}`
    case 'boolean':
      return '`true`, `false`'
    case 'string':
      return `text${limits(node)}`
    case 'array':
      return `list of ${isSchema(node.items) ? kind(node.items) : 'values'}${limits(node)}`
    default:
      return 'fields'
  }
}

function rows(node: Schema, prefix: string): string[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    // The kinds of a choice stand in the row of the choice.
    if (!isSchema(field) || name === 'kind') return []
    const path = prefix === '' ? name : `${prefix}.${name}`
    const needed = node.required?.includes(name) ? 'yes' : ''
    return [`| \`${path}\` | ${kind(field)} | ${needed} | ${field.description ?? ''} |`, ...rows(field, path)]
  })
  const items = isSchema(node.items) ? rows(node.items, `${prefix}[]`) : []
  const branches = [...(node.anyOf ?? []), ...(node.oneOf ?? [])].filter(isSchema).flatMap((branch) => rows(branch, prefix))
  return [...new Set([...own, ...items, ...branches])]
}

export function fieldTable(schema: Schema): string {
  return ['| Field | Value | Needed | Meaning |', '| --- | --- | --- | --- |', ...rows(schema, '')].join('\n')
}
