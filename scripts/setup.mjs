/**
 * Makes a bare clone ready: installs the locked dependencies when they are missing or out of date, and finds the Node that
 * runs everything else. Works with nothing installed, on any Node from 20 on, and prints nothing when all is in place.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The folder of package.json. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Ends the script with one line that says what to do. */
export function stop(message, exitCode = 1) {
  console.error(message)
  process.exit(exitCode)
}

/**
 * Installs what is missing.
 *
 * @returns the path of a Node that is new enough for Afterword itself.
 */
export function setup() {
  if (!isAtLeast(process.versions.node, '20.0.0')) {
    stop(
      `Afterword's scripts need Node 20 or newer to start from, and this is ${process.version}. Install a newer Node.`,
    )
  }
  if (!isInstalled()) install()
  return findNode()
}

/**
 * True when node_modules holds exactly what package-lock.json asks for. npm writes node_modules/.package-lock.json last,
 * so an interrupted installation counts as none; optional packages are those of other platforms.
 */
function isInstalled() {
  const have = lockedPackages('node_modules/.package-lock.json')
  const want = lockedPackages('package-lock.json')
  const isSame = (path) => have[path].version === want[path].version && have[path].integrity === want[path].integrity
  return (
    have !== undefined &&
    Object.keys(want).every((path) => (path in have ? isSame(path) : want[path].optional === true)) &&
    Object.keys(have).every((path) => path in want)
  )
}

/** The packages of a lock file by their folder in node_modules; undefined when there is no such file. */
function lockedPackages(path) {
  if (!existsSync(join(root, path))) return undefined
  const { packages } = JSON.parse(readFileSync(join(root, path), 'utf8'))
  return Object.fromEntries(Object.entries(packages).filter(([folder]) => folder.startsWith('node_modules/')))
}

/** Installs with the npm and the Node that started this script: those in node_modules are about to be replaced. */
function install() {
  console.log('Installing dependencies (npm ci) …')
  const status = npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], root)
  if (status !== 0) stop('npm ci failed: see its message above, then run this command again.')
}

/** Runs the npm that started this script, or else the one on the path, and gives its exit code. */
export function npm(args, cwd) {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env
  const result = cli?.endsWith('npm-cli.js')
    ? spawnSync(node ?? process.execPath, [cli, ...args], { cwd, stdio: 'inherit' })
    : spawnSync('npm', args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' })
  return result.status
}

/** The Node of scripts/node-24, or else the one that runs this script if it is new enough. */
function findNode() {
  const needed = readJson('package.json').engines.node.replace('>=', '')
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const binary = join(root, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(binary)) return binary
  if (isAtLeast(process.versions.node, needed)) return process.execPath
  return stop(
    `Afterword needs Node ${needed} or newer, this is ${process.version}, and npm has no package ${name} of that version. ` +
      'Install Node 24 and run this command again.',
  )
}

/** Compares versions by their three numbers. */
function isAtLeast(version, minimum) {
  const [a, b] = [version, minimum].map((text) => text.split('.').map(Number))
  const at = [0, 1, 2].find((i) => a[i] !== b[i])
  return at === undefined || a[at] > b[at]
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) setup()
