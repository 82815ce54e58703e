/**
 * Merkle trees as in RFC 6962 §2.1 (Certificate Transparency): SHA-256, prefix 0x00 before a leaf and 0x01 before a node, so that neither
 * can pass for the other; the left part of a tree is always the largest full one, and no leaf is ever counted twice.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { equalBytes, type Bytes } from './bytes.ts'

export const MERKLE_HASH_BYTES = 32
/** A tree of as many leaves as there can be units is not deeper. */
export const MERKLE_DEPTH_MAX = 53

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export function merkleLeaf(data: Uint8Array): Bytes {
  return sha256.create().update(LEAF).update(data).digest()
}

function merkleNode(left: Uint8Array, right: Uint8Array): Bytes {
  return sha256.create().update(NODE).update(left).update(right).digest()
}

/** Takes leaf hashes one after the other and holds one hash for each full tree so far: at most log2 of their number. */
export class MerkleRoot {
  /** Roots of full trees, the largest first; `size` in binary says how large they are. */
  readonly #full: Bytes[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  add(leaf: Bytes): void {
    let hash = leaf
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#full.pop()
      if (left !== undefined) hash = merkleNode(left, hash)
    }
    this.#full.push(hash)
    this.#size++
  }

  /** Of the leaves so far; of none, SHA-256 of nothing. */
  root(): Bytes {
    return this.#full.length === 0 ? sha256(new Uint8Array(0)) : this.#full.reduceRight((right, left) => merkleNode(left, right))
  }
}

/** `leaves`: leaf hashes, in order. */
export function merkleRoot(leaves: Iterable<Bytes>): Bytes {
  const tree = new MerkleRoot()
  for (const leaf of leaves) tree.add(leaf)
  return tree.root()
}

/**
 * What proves that a leaf is in the tree: the roots of its neighbours, the nearest first. Throws RangeError when there is no such leaf.
 * With blocks of 2^k leaves each (the last may be shorter): the proof inside its block, then that of the block among the roots of blocks.
 */
export function merkleProof(leaves: readonly Bytes[], index: number): Bytes[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
    throw new RangeError(`Cannot prove leaf ${index} of ${leaves.length}`)
  if (leaves.length === 1) return []
  const split = largestPowerBelow(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return index < split ? [...merkleProof(left, index), merkleRoot(right)] : [...merkleProof(right, index - split), merkleRoot(left)]
}

export interface MerkleProof {
  /** Of the leaf, from 0. */
  readonly index: number
  /** Leaves of the tree. */
  readonly size: number
  readonly path: readonly Uint8Array[]
}

/** Whether this leaf hash stands at `index` of the tree with this root (RFC 9162 §2.1.3.2). */
export function checkProof(leaf: Bytes, { index, size, path }: MerkleProof, root: Uint8Array): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false
  let [place, last, hash] = [index, size - 1, leaf]
  for (const neighbour of path) {
    if (neighbour.length !== MERKLE_HASH_BYTES || last === 0) return false
    if (place % 2 === 1 || place === last) {
      hash = merkleNode(neighbour, hash)
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)]
    } else hash = merkleNode(hash, neighbour)
    ;[place, last] = [Math.floor(place / 2), Math.floor(last / 2)]
  }
  return last === 0 && equalBytes(hash, root)
}

/** `count` is at least 2. */
function largestPowerBelow(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}
