/**
 * Whether a number below 2^64 is prime, for certain: Miller and Rabin's test to the first twelve primes as bases has no exception below
 * 3.18 · 10^23 (J. Sorenson and J. Webster, Strong pseudoprimes to twelve prime bases, Math. Comp. 86, 2017).
 */
const BASES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n]

export function isPrime(n: bigint): boolean {
  if (n < 2n) return false
  for (const base of BASES) if (n % base === 0n) return n === base
  let [odd, twos] = [n - 1n, 0]
  while ((odd & 1n) === 0n) [odd, twos] = [odd >> 1n, twos + 1]
  return BASES.every((base) => isProbable(n, base, odd, twos))
}

/** n is prime or a strong pseudoprime to this base; n − 1 = odd · 2^twos. */
function isProbable(n: bigint, base: bigint, odd: bigint, twos: number): boolean {
  let power = powerOf(base, odd, n)
  if (power === 1n || power === n - 1n) return true
  for (let i = 1; i < twos; i++) {
    power = (power * power) % n
    if (power === n - 1n) return true
  }
  return false
}

function powerOf(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}
