/**
 * Runs every check of the project, cheapest first, and stops after the first group in which one fails.
 *
 *     npm test                                        all of it
 *     npm test -- --only lint,types                   some steps
 *     npm test -- --only unit test/tidy.test.ts       one test file; other arguments go to `node --test`
 */
import { join } from 'node:path'
import { root, setup, stop } from './setup.mjs'
import { ended, start, tool } from './tools.mjs'

/** A step that takes longer hangs and is stopped; `node --test` then names the file that it waited for. */
const STEP_MS_MAX = 20 * 60_000

// The tests may run on another Node than the one that the project brings: see test-26.mjs.
const node = process.env.AFTERWORD_TEST_NODE ?? setup()
// Each test file is a process of its own that loads the sources: compiled once, they load in a quarter of the time.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'node')

/** Each step is one or more commands that run one after another. */
const steps = {
  format: () => [[tool('oxfmt'), '--check', '.']],
  lint: () => [[tool('oxlint')]],
  types: () => [[tool('typescript', 'tsc'), '--project', 'tsconfig.json']],
  build: () => [['scripts/build.mjs']],
  'types-7': () => [['scripts/types.mjs', 'typescript']],
  'types-6': () => [['scripts/types.mjs', 'typescript-6']],
  'types-5': () => [['scripts/types.mjs', 'typescript-5']],
  package: () => [
    [tool('publint'), root, '--strict', '--pack', 'npm'],
    [tool('@arethetypeswrong/cli', 'attw'), '--pack', root, '--profile', 'esm-only', '--format', 'ascii'],
  ],
  unit: (args) => [
    ['--test', '--test-concurrency=2', '--test-timeout=60000', '--test-reporter=spec', ...testFiles(args)],
  ],
}

/** Steps of one group run at the same time. The build runs alone, for lint follows imports into dist/; so do the tests. */
const groups = [['format', 'lint', 'types'], ['build'], ['types-7', 'types-6', 'types-5', 'package'], ['unit']]

const { only, rest } = readArguments(process.argv.slice(2))
for (const group of groups) {
  const chosen = group.filter((name) => only === undefined || only.includes(name))
  const failed = (await Promise.all(chosen.map(runStep))).filter((name) => name !== undefined)
  if (failed.length > 0) {
    stop(`\nFailed: ${failed.join(', ')}. To run only this: npm test -- --only ${failed.join(',')}`)
  }
}

/** Runs one step and prints a line about it, with its output when it failed. Resolves to its name when it failed. */
async function runStep(name) {
  const startedAt = performance.now()
  const isUnit = name === 'unit'
  let output = ''
  let passed = true
  for (const command of steps[name](rest)) {
    const child = start(node, command, { stdio: isUnit ? 'inherit' : ['ignore', 'pipe', 'pipe'], timeout: STEP_MS_MAX })
    child.stdout?.on('data', (data) => (output += data))
    child.stderr?.on('data', (data) => (output += data))
    passed = (await ended(child)).code === 0
    if (!passed) break
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${passed ? '✔' : '✖'} ${name} (${seconds} s)${passed ? '' : `\n${output}`}`)
  return passed ? undefined : name
}

/** The arguments of `node --test`: files as given, or else all. */
function testFiles(args) {
  return args.some((arg) => !arg.startsWith('-')) ? args : [...args, 'test/**/*.test.ts']
}

function readArguments(args) {
  const at = args.indexOf('--only')
  if (at === -1) return { only: undefined, rest: args }
  const names = (args[at + 1] ?? '').split(',')
  const unknown = names.filter((name) => !(name in steps))
  if (unknown.length > 0) stop(`No step is called ${unknown.join(', ')}: they are ${Object.keys(steps).join(', ')}.`)
  return { only: names, rest: args.toSpliced(at, 2) }
}
