/** The numbers of a WGSL type in memory: where each lies and what it is. */
import type { ArrayDefinition, StructDefinition, TypeDefinition } from 'webgpu-utils'

export type LeafType = 'f32' | 'f16' | 'i32' | 'u32'

export interface Leaf {
  readonly offset: number
  readonly type: LeafType
}

const LETTERS: Readonly<Record<string, LeafType>> = { f: 'f32', h: 'f16', i: 'i32', u: 'u32' }
const SCALARS: Readonly<Record<string, LeafType>> = { f32: 'f32', f16: 'f16', i32: 'i32', u32: 'u32' }

function size(type: LeafType): number {
  return type === 'f16' ? 2 : 4
}

/** Rows and columns of a scalar, vector or matrix by name; a vector of 3 is as far apart as one of 4. */
function intrinsicLeaves(name: string, at: number): Leaf[] | null {
  const scalar = SCALARS[name]
  if (scalar !== undefined) return [{ offset: at, type: scalar }]
  const [, columns, rows, letter, inner] = /^(?:mat(\d)x|vec)(\d)(?:([fhiu])|<(\w+)>)$/.exec(name) ?? []
  const type = letter === undefined ? SCALARS[inner ?? ''] : LETTERS[letter]
  if (type === undefined || rows === undefined) return null
  const height = Number(rows)
  const stride = size(type) * (height === 3 ? 4 : height)
  return Array.from({ length: Number(columns ?? 1) * height }, (_, index) => ({
    type,
    offset: at + Math.floor(index / height) * stride + (index % height) * size(type)
  }))
}

export function isStruct(type: TypeDefinition): type is StructDefinition {
  return 'fields' in type
}

function isArray(type: TypeDefinition): type is ArrayDefinition {
  return 'elementType' in type
}

/** In declared order, from a type that begins at `at`. Null when it holds something that is no number. */
export function leavesOf(type: TypeDefinition, at: number): Leaf[] | null {
  if (isStruct(type)) {
    return joined(Object.values(type.fields).map((field) => leavesOf(field.type, at + field.offset)))
  }
  if (isArray(type)) {
    const stride = type.size / type.numElements
    return joined(Array.from({ length: type.numElements }, (_, index) => leavesOf(type.elementType, at + index * stride)))
  }
  return 'type' in type && typeof type.type === 'string' ? intrinsicLeaves(type.type, at) : null
}

function joined(parts: readonly (Leaf[] | null)[]): Leaf[] | null {
  const leaves: Leaf[] = []
  for (const part of parts) {
    if (part === null) return null
    leaves.push(...part)
  }
  return leaves
}
