/** A single dash and at least five letters: no option of ours is written so, but one public key in 64 begins so. */
const KEY_WITH_DASH = /^-[A-Za-z0-9_][A-Za-z0-9_-]{4,41}$/

/**
 * The arguments with a key (or the beginning of one) that would be taken for an option moved behind `--`. Left alone: what follows an
 * option, because it may be its value, and everything when `--` is there already.
 */
export function keysLast(argv: readonly string[]): readonly string[] {
  if (argv.includes('--')) return argv
  const isKey = (arg: string, index: number): boolean => KEY_WITH_DASH.test(arg) && argv[index - 1]?.startsWith('-') === false
  const keys = argv.filter(isKey)
  return keys.length === 0 ? argv : [...argv.filter((arg, index) => !isKey(arg, index)), '--', ...keys]
}
