import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, toHex, type Bytes } from './bytes.ts'
import { checkProof, merkleLeaf, merkleProof, merkleRoot, MerkleRoot } from './merkle.ts'

const hex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
const leavesOf = (count: number, salt = 0) =>
  Array.from({ length: count }, (_, index) => merkleLeaf(Uint8Array.of(salt, index >> 16, (index >> 8) & 255, index & 255)))

/** Inputs and roots that Certificate Transparency tests its implementations with. */
const CT_INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(hex)
const CT_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'
]

/** RFC 6962 §2.1, word by word. */
function byDefinition(data: readonly Uint8Array[]): Uint8Array {
  const [only] = data
  if (only === undefined) return sha256(new Uint8Array(0))
  if (data.length === 1) return sha256(concat([Uint8Array.of(0), only]))
  let k = 1
  while (k * 2 < data.length) k *= 2
  return sha256(concat([Uint8Array.of(1), byDefinition(data.slice(0, k)), byDefinition(data.slice(k))]))
}

describe('merkleRoot()', () => {
  it('gives the roots of the test vectors of Certificate Transparency', () => {
    const roots = CT_INPUTS.map((_, last) => toHex(merkleRoot(CT_INPUTS.slice(0, last + 1).map(merkleLeaf))))
    expect(roots).toEqual(CT_ROOTS)
    expect(toHex(merkleRoot([]))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  it('is the tree of RFC 6962 for any number of leaves', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 70 }), (data) => {
        expect(toHex(merkleRoot(data.map(merkleLeaf)))).toBe(toHex(byDefinition(data)))
      })
    )
  })

  it('does not change the tree when it is asked in between, and differs when the last leaf is doubled or two change places', () => {
    const leaves = leavesOf(11)
    const tree = new MerkleRoot()
    const roots = leaves.map((leaf) => {
      tree.add(leaf)
      return toHex(tree.root())
    })
    expect(roots).toEqual(leaves.map((_, last) => toHex(merkleRoot(leaves.slice(0, last + 1)))))
    const [first, second, ...rest] = leaves
    if (first === undefined || second === undefined) throw new Error('Eleven leaves have a first and a second')
    expect(toHex(merkleRoot([...leaves, ...leaves.slice(-1)]))).not.toBe(roots.at(-1))
    expect(toHex(merkleRoot([second, first, ...rest]))).not.toBe(roots.at(-1))
  })

  it('takes 65 536 leaves one by one', () => {
    const tree = new MerkleRoot()
    const leaf = merkleLeaf(Uint8Array.of(7))
    for (let count = 0; count < 2 ** 16; count++) tree.add(leaf)
    let expected: Bytes = leaf
    for (let level = 0; level < 16; level++) expected = sha256(concat([Uint8Array.of(1), expected, expected]))
    expect(toHex(tree.root())).toBe(toHex(expected))
  })
})

describe('merkleProof() and checkProof()', () => {
  it('proves every leaf of every tree of up to 40 leaves', () => {
    for (let size = 1; size <= 40; size++) {
      const leaves = leavesOf(size)
      const root = merkleRoot(leaves)
      for (const [index, leaf] of leaves.entries())
        expect(checkProof(leaf, { index, size, path: merkleProof(leaves, index) }, root)).toBe(true)
    }
  })

  it('proves nothing else: another leaf, place, size, path or root', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.nat(), fc.nat(), (size, which, bit) => {
        const leaves = leavesOf(size)
        const index = which % size
        const [leaf, root, path] = [leaves[index], merkleRoot(leaves), merkleProof(leaves, index)]
        if (leaf === undefined) throw new Error('The index is inside the tree')
        const flip = (bytes: Bytes) => bytes.map((byte, place) => (place === bit % 32 ? byte ^ (1 << (bit % 8)) : byte))
        const proof = { index, size, path }
        expect(checkProof(leaf, proof, root)).toBe(true)
        expect(checkProof(flip(leaf), proof, root)).toBe(false)
        expect(checkProof(leaf, proof, flip(root))).toBe(false)
        expect(checkProof(leaf, { ...proof, index: (index + 1) % size }, root)).toBe(false)
        expect(checkProof(leaf, { ...proof, size: size * 2 }, root)).toBe(false)
        expect(checkProof(leaf, { ...proof, path: path.slice(1) }, root)).toBe(false)
        expect(checkProof(leaf, { ...proof, path: [...path, leaf] }, root)).toBe(false)
        for (const [level, hash] of path.entries())
          expect(checkProof(leaf, { ...proof, path: path.with(level, flip(hash)) }, root)).toBe(false)
      })
    )
  })

  it('is put together from blocks of a power of two', () => {
    const BLOCK = 8
    for (const size of [1, 7, 8, 9, 16, 23, 24, 61, 64, 65]) {
      const leaves = leavesOf(size)
      const blocks = Array.from({ length: Math.ceil(size / BLOCK) }, (_, block) => leaves.slice(block * BLOCK, (block + 1) * BLOCK))
      const roots = blocks.map(merkleRoot)
      expect(toHex(merkleRoot(roots))).toBe(toHex(merkleRoot(leaves)))
      for (let index = 0; index < size; index++) {
        const block = Math.floor(index / BLOCK)
        const path = [...merkleProof(blocks[block] ?? [], index % BLOCK), ...merkleProof(roots, block)]
        expect(path.map(toHex)).toEqual(merkleProof(leaves, index).map(toHex))
      }
    }
  })

  it('refuses places outside the tree', () => {
    expect(() => merkleProof(leavesOf(3), 3)).toThrow(new RangeError('Cannot prove leaf 3 of 3'))
    const [leaf] = leavesOf(1)
    if (leaf === undefined) throw new Error('There is one leaf')
    for (const [index, size] of [
      [-1, 1],
      [1, 1],
      [0, 0],
      [0.5, 1],
      [0, Number.POSITIVE_INFINITY]
    ] as const)
      expect(checkProof(leaf, { index, size, path: [] }, leaf)).toBe(false)
  })
})
