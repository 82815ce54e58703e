import { describe, expect, it } from 'vitest'
import { fillWasiText, wasiTextProblem } from './wasi-text.ts'

const params = { rate: 0.1, grid: [1, 2.5, -3], n: 1e21 }

describe('placeholders', () => {
  it.each([
    ['{unit}', '12'],
    ['{seed}', '4294967295'],
    ['--rate={params.rate}', '--rate=0.1'],
    ['{params.grid}', '1,2.5,-3'],
    ['{params.n}', '1e+21'],
    ['{{unit} {{{{', '{unit} {{'],
    ['a } alone', 'a } alone'],
    ['{unit}{unit}', '1212']
  ])('%s', (text, filled) => {
    expect(wasiTextProblem(text, params)).toBeNull()
    expect(fillWasiText(text, { unit: 12, seed: -1, params })).toBe(filled)
  })

  it.each([
    '{units}',
    '{params.none}',
    '{params.}',
    '{',
    '{unit',
    '{}',
    '{params.rate',
    '{ unit }',
    '{constructor}',
    '{params.constructor}'
  ])('%s is none', (text) => {
    expect(wasiTextProblem(text, params)).toContain(`has "${text}", which is no placeholder`)
  })
})
