// The prime factors of params.first + params.step * unit, below 2^64: Pollard's rho (BIT 15, 1975) with Brent's cycle finding, and
// Miller and Rabin's test, which is certain there for these bases.

const BASES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n]

function power(base, exponent, modulus) {
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

function isPrime(n) {
  for (const base of BASES) if (n % base === 0n) return n === base
  let odd = n - 1n
  let twos = 0
  for (; !(odd & 1n); odd >>= 1n) twos++
  return BASES.every((base) => {
    let x = power(base, odd, n)
    if (x === 1n || x === n - 1n) return true
    for (let i = 1; i < twos; i++) {
      x = (x * x) % n
      if (x === n - 1n) return true
    }
    return false
  })
}

function gcd(a, b) {
  while (b > 0n) [a, b] = [b, a % b]
  return a
}

/** A divisor of the odd composite n, not 1 and not n. */
function divisorOf(n) {
  for (let c = 1n; ; c++) {
    let [fast, divisor] = [2n, 1n]
    for (let power = 1; divisor === 1n; power *= 2) {
      const slow = fast
      for (let i = 0; i < power && divisor === 1n; i++) {
        fast = (fast * fast + c) % n
        divisor = gcd(slow > fast ? slow - fast : fast - slow, n)
      }
    }
    if (divisor !== n) return divisor
  }
}

function primesOf(n) {
  if (n === 1n) return []
  if (isPrime(n)) return [n]
  const divisor = BASES.find((base) => n % base === 0n) ?? divisorOf(n)
  return [...primesOf(divisor), ...primesOf(n / divisor)]
}

export default function compute({ unit, params }) {
  const primes = primesOf(BigInt(params.first) + BigInt(params.step) * BigInt(unit))
  const factors = new Uint32Array(104)
  primes
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .forEach((prime, index) => {
      factors[2 * index] = Number(prime & 0xffffffffn)
      factors[2 * index + 1] = Number(prime >> 32n)
    })
  return { factors }
}
