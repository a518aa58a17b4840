import { readResults } from './performance.mjs'

const [WIDTH, LABEL_WIDTH, VALUE_WIDTH, ROW, BAR, TITLE] = [860, 300, 64, 24, 14, 40]
const PLOT = WIDTH - LABEL_WIDTH - VALUE_WIDTH

/** docs/performance.svg: a bar for each contender, whiskers from the lower to the upper quartile of its rounds. */
export function generate(root) {
  const charts = Object.values(readResults(root)).flatMap(({ charts = [] }) => charts)
  let top = 0
  const parts = charts.map((chart) => {
    const part = chartOf(chart, top)
    top += TITLE + chart.bars.length * ROW + 16
    return part
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${Math.max(top, ROW)}" role="img" aria-label="Relative rates of Afterword and its peers">
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .value { font-variant-numeric: tabular-nums; fill: #59636e; }
  .ours { fill: #1a7f64; }
  .peer { fill: #9aa4af; }
  .whisker { stroke: #1f2328; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .value { fill: #9198a1; }
    .ours { fill: #3fb68b; }
    .peer { fill: #656c76; }
    .whisker { stroke: #f0f6fc; }
  }
</style>
${parts.join('\n')}
</svg>
`
}

function chartOf({ title, bars }, top) {
  const most = Math.max(...bars.map(({ median, q3 }) => Math.max(median, q3)))
  const x = (value) => Number((LABEL_WIDTH + (value / most) * PLOT).toFixed(1))
  // The best stand on top, whoever they are.
  const lines = bars
    .toSorted((a, b) => b.median - a.median)
    .map(({ label, isOurs, median, q1, q3 }, index) => {
      const middle = top + TITLE + index * ROW
      const [bar, whiskers] = [middle - BAR / 2, `${x(q1)}" x2="${x(q3)}`]
      return [
        `<text x="${LABEL_WIDTH - 10}" y="${middle + 4}" text-anchor="end">${escape(label)}</text>`,
        `<rect class="${isOurs ? 'ours' : 'peer'}" x="${LABEL_WIDTH}" y="${bar}" width="${Number((x(median) - LABEL_WIDTH).toFixed(1))}" height="${BAR}" rx="2"/>`,
        `<line class="whisker" x1="${whiskers}" y1="${middle}" y2="${middle}"/>`,
        `<text class="value" x="${x(Math.max(median, q3)) + 6}" y="${middle + 4}">${Number(median.toPrecision(2))}</text>`,
      ].join('\n')
    })
  return [`<text class="title" x="0" y="${top + 18}">${escape(title)}</text>`, ...lines].join('\n')
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
