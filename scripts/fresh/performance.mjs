import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * docs/performance.md with the parts between `<!-- NAME -->` and `<!-- /NAME -->` made from bench/results/latest.json, which
 * `npm run bench -- all --save` writes: no figure on the page can differ from what was measured.
 */
export function generate(root) {
  const results = readResults(root)
  const parts = { figures: figures(results), measurements: measurements(results), contenders: contenders(results) }
  const page = readFileSync(join(root, 'docs/performance.md'), 'utf8')
  return Object.entries(parts).reduce(
    (text, [name, part]) =>
      text.replace(new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`), (_, head, tail) => {
        return `${head}\n${part}\n\n${tail}`
      }),
    page,
  )
}

/** The results by benchmark, in the order in which they were written. */
export function readResults(root) {
  const file = join(root, 'bench/results/latest.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}

function figures(results) {
  const lines = Object.values(results).flatMap(({ figures }) => figures.map(figureLine))
  return [
    '| figure | key | median | quartiles | range | bound | goal |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

function figureLine({ key, says, value, q1, q3, min, max, bound = '', goal = '', isKept }) {
  const span = (from, to) => `${shown(from)} to ${shown(to)}`
  const judged = isKept === false ? `${bound}, not kept` : bound
  const cells = [says, `\`${key}\``, `**${shown(value)}**`, span(q1, q3), span(min, max), judged, goal]
  return `| ${cells.join(' | ')} |`
}

function measurements(results) {
  return Object.entries(results)
    .map(([bench, { measuredOn, machine, settings, tables, skipped, doubts }]) =>
      [
        `### ${bench}`,
        '',
        `${measuredOn}, ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; ${settings.rounds} rounds of ${settings.seconds} s.`,
        ...tables.flatMap(({ title, rows }) => ['', `${title}:`, '', ...tableLines(rows)]),
        ...skipped.map(({ what, reason }) => `\nNot measured: ${what}, ${reason}.`),
        ...doubts.map((doubt) => `\nDoubtful: ${doubt}.`),
      ].join('\n'),
    )
    .join('\n\n')
}

function contenders(results) {
  const all = Object.values(results).flatMap(({ contenders = [] }) => contenders)
  const byName = new Map(all.map((contender) => [contender.name, contender]))
  const rows = [...byName.values()].map(({ name, version, survives, says }) => ({
    name,
    versions: version,
    'an acknowledged task survives': SURVIVES[survives],
    'set up as': says,
  }))
  return rows.length === 0 ? 'Nobody took part.' : tableLines(rows).join('\n')
}

const SURVIVES = { nothing: 'nothing', process: 'the process', power: 'a power cut' }

function tableLines(rows) {
  const columns = Object.keys(rows[0] ?? {})
  return [columns, columns.map(() => '---'), ...rows.map((row) => columns.map((column) => cell(row[column])))].map(
    (cells) => `| ${cells.join(' | ')} |`,
  )
}

/** Numbers are kept as measured, with thousands set apart; what JSON has no word for was not there. */
function cell(value) {
  if (value === null || value === undefined) return '–'
  return typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 3 }) : value
}

/** Three digits that count. */
function shown(value) {
  if (value === null) return '–'
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}
