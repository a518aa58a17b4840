/** docs/performance.md with its tables made from bench/results/latest.json. */
export function generate(root: string): string
