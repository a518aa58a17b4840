/**
 * Runs the tests on Node 26: `npm run test:26`, with the arguments of `npm test -- --only unit`. Node 26 is fetched from the npm
 * registry into data/node-26, which git ignores, the first time; it is no dependency of the project. All that is not
 * a test (the set-up, the build that tests of examples and pages need) runs on the project's own Node.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm, root, setup, stop } from './setup.mjs'
import { ended, start } from './tools.mjs'

const MAJOR = 26

const node24 = setup()
const node26 = findNode()
const { stdout } = spawnSync(node26, ['--version'], { encoding: 'utf8' })
console.log(`The tests run on Node ${stdout?.trim()}.`)

const build = await ended(start(node24, ['scripts/build.mjs']))
if (build.code !== 0) stop('The build failed, so the tests were not run.')
process.env.AFTERWORD_TEST_NODE = node26
const { code } = await ended(start(node24, ['scripts/test.mjs', '--only', 'unit', ...process.argv.slice(2)]))
process.exitCode = code ?? 1

/** The Node of data/node-26, installed when it is not there, or else the one that runs this script if it is a 26. */
function findNode() {
  const folder = join(root, 'data', `node-${MAJOR}`)
  const windows = process.platform === 'win32'
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`
  const binary = join(folder, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node')
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  // A package of its own, so that npm looks no further up.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }))
  console.log(`Fetching Node ${MAJOR} (${name}) …`)
  const status = npm(['install', `${name}@${MAJOR}`, '--no-audit', '--no-fund', '--loglevel=error'], folder)
  if (status === 0 && existsSync(binary)) return binary
  if (process.version.startsWith(`v${MAJOR}.`)) return process.execPath
  return stop(
    `Node ${MAJOR} could not be fetched: npm has no package ${name} of that version, or is out of reach. ` +
      `Install Node ${MAJOR} and run this command with it.`,
  )
}
