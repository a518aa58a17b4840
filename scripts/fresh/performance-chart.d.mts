/** docs/performance.svg, made from bench/results/latest.json. */
export function generate(root: string): string
