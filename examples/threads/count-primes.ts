/** A module of its own, which starts nothing: each thread that runs the task imports it. */
import { defineTask } from 'afterword'

export const countPrimes = defineTask({
  name: 'count-primes',
  thread: true,
  async run(below: number, { progress, signal }) {
    let count = 0
    for (let number = 2; number < below; number++) {
      if (isPrime(number)) count++
      if (number % 50_000 === 0) {
        progress({ number, count })
        // A pause now and then lets the signal come through.
        await new Promise((resolve) => setImmediate(resolve))
        signal.throwIfAborted()
      }
    }
    return count
  },
})

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return true
}
