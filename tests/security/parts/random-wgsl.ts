/** Kernels by chance, with every kind of loop, most of them endless. */

const WORDS = 16

/** A module whose entry point is `main` and whose buffer `value` has 16 words. Barriers stand where control flow is uniform. */
export function randomWgsl(random: () => number): string {
  const below = (count: number): number => Math.floor(random() * count)
  const pick = <T>(...choices: readonly [T, ...T[]]): T => choices[below(choices.length)] ?? choices[0]
  let names = 0

  function expression(depth: number): string {
    if (depth === 0 || random() < 0.3) return pick('value[0]', `value[${below(WORDS)}u]`, `${below(9)}u`, 'x', 'launch.unit')
    const sign = pick('+', '-', '*', '&', '|', '^', '%', '/')
    return sign === '/' || sign === '%'
      ? `(${expression(depth - 1)} ${sign} max(1u, ${expression(depth - 1)}))`
      : `(${expression(depth - 1)} ${sign} ${expression(depth - 1)})`
  }
  const condition = (): string => `${expression(1)} ${pick('<', '<=', '>', '>=', '!=', '==')} ${expression(1)}`
  const comment = (): string => pick('', '', '', ' // loop {\n', ' /* while (true) { /* } */ */ ', ' //\u2028', ' //\u0085', ' //\r')

  function loop(depth: number, uniform: boolean): string {
    const name = `i${names++}`
    const inside = block(depth - 1, uniform, name)
    const update = pick(
      `${name}++`,
      `${name} += ${below(4)}u`,
      `${name} -= ${below(3)}u`,
      `${name} >>= ${below(3)}u`,
      `${name} *= ${below(4)}u`
    )
    const end = uniform
      ? `${name} ${pick('<', '<=', '!=', '>')} ${below(40)}u`
      : pick(condition(), `${name} < ${below(40)}u`, `${name} != ${below(9)}u`)
    switch (below(5)) {
      case 0:
        return `for${comment()}(var ${name} = ${below(9)}u; ${end}; ${update}) ${inside}`
      case 1:
        return `{ var ${name} = ${below(50)}u; for (; ${end};) { ${inside} ${update}; } }`
      case 2:
        return `{ var ${name} = ${below(50)}u; while${comment()} (${end}) { ${update}; ${inside} } }`
      case 3:
        return `{ var ${name} = 1u; loop ${comment()} { if (!(${end})) { break; } ${inside} continuing { ${update}; } } }`
      default:
        return `{ var ${name} = 1u; loop { ${inside} continuing { ${update}; break if ${uniform ? `${name} > 30u` : condition()}; } } }`
    }
  }
  function statement(depth: number, uniform: boolean, counter: string): string {
    const choice = random()
    if (depth > 0 && choice < 0.35) return loop(depth, uniform && random() < 0.5)
    if (choice < 0.45) return `if (${condition()}) ${block(Math.max(0, depth - 1), false, counter)}`
    if (choice < 0.55) return `f${below(3)}();`
    if (choice < 0.62 && uniform) return pick('workgroupBarrier();', 'storageBarrier();')
    if (choice < 0.7 && counter !== '' && !uniform) return `${counter} = ${pick('0u', expression(1))};`
    return `value[${below(WORDS)}u] ${pick('=', '+=', '^=')} ${expression(2)};`
  }
  function block(depth: number, uniform: boolean, counter: string): string {
    const count = 1 + below(3)
    return `{${comment()} ${Array.from({ length: count }, () => statement(depth, uniform, counter)).join(' ')} }`
  }

  // Functions call only those before them: WGSL has no recursion.
  const functions = ['fn f0() { let x = 3u; value[0] += x; }']
  for (let at = 1; at < 3; at++)
    functions.push(`fn f${at}() { let x = ${at}u; ${block(2, false, '').replaceAll(/f\d\(\);/g, `f${at - 1}();`)} }`)
  return [
    '@group(1) @binding(0) var<storage, read_write> value: array<u32, 16>;',
    ...functions,
    `@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) x: u32) ${block(3, true, '')}`
  ].join('\n')
}
