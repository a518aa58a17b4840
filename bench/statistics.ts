/** The arithmetic of the benchmarks. Nothing here knows what is measured. */

/** The value below which that share of the sorted values lies; NaN when there are none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** The value at that share of the sorted values, between its two neighbours when it falls between them. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN]
  return below + (above - below) * (at - Math.floor(at))
}

/** The middle of the sorted values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** What a figure's rounds look like together. */
export interface Summary {
  readonly median: number
  readonly q1: number
  readonly q3: number
  readonly min: number
  readonly max: number
}

/** Median, quartiles and range of the values, of which there must be at least one. */
export function summary(values: readonly number[]): Summary {
  return {
    median: median(values),
    q1: quantile(values, 0.25),
    q3: quantile(values, 0.75),
    min: Math.min(...values),
    max: Math.max(...values),
  }
}

/** Ratios of two measurements round by round: noise that both saw cancels out. */
export function ratios(above: readonly number[], below: readonly number[]): number[] {
  if (above.length !== below.length) {
    throw new Error(`Only rounds that both saw can be compared: ${above.length} and ${below.length}.`)
  }
  return above.map((value, round) => value / below[round]!)
}

/** The slope of the straight line that fits the points best. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const along = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  return along / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
}

/**
 * The order in which a ring of variants takes its turns in a round: the start moves on by one and the direction turns
 * every time, so that none always runs behind the same neighbour, and neighbours on the ring stay neighbours in time.
 */
export function turn<T>(ring: readonly T[], round: number): T[] {
  const start = round % ring.length
  const turned = [...ring.slice(start), ...ring.slice(0, start)]
  return round % 2 === 0 ? turned : turned.reverse()
}
