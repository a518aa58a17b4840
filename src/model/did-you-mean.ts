/**
 * The known name that was most likely meant, or undefined when none is near: another case, or at most two typing
 * errors (one in names up to four characters), where swapping two neighbours is one error.
 */
export function didYouMean(given: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = given.length <= 4 ? 1 : 2
  if (given.length > 60) return undefined
  for (const name of known) {
    if (name.toLowerCase() === given.toLowerCase()) return name
    const distance = editDistance(given, name)
    if (distance < bestDistance || (distance === bestDistance && best === undefined)) {
      best = name
      bestDistance = distance
    }
  }
  return best
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`.
 *
 * @source Optimal string alignment: Boytsov, "Indexing methods for approximate dictionary searching", ACM JEA 16, 2011.
 */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1)
      let cost = Math.min(replaced, at(last, column) + 1, at(current, column - 1) + 1)
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped && row > 1 && column > 1) cost = Math.min(cost, at(beforeLast, column - 2) + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

const at = (costs: readonly number[], index: number): number => costs[index] ?? Infinity
