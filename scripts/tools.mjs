/** How the scripts run the tools of node_modules: always with the Node that `setup()` found, never through a shell. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root } from './setup.mjs'

/** The file behind a tool's command: `tool('typescript', 'tsc')`. */
export function tool(packageName, command = packageName) {
  const { bin } = JSON.parse(readFileSync(join(root, 'node_modules', packageName, 'package.json'), 'utf8'))
  return join(root, 'node_modules', packageName, typeof bin === 'string' ? bin : bin[command])
}

/** Starts `node file ...args` so that whatever it starts in turn finds the same Node and the tools of node_modules. */
export function start(node, [file, ...args], options = {}) {
  const path = [join(node, '..'), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  return spawn(node, [file, ...args], { cwd: root, stdio: 'inherit', ...options, env: { ...process.env, PATH: path } })
}

/** Resolves when the process ended and its output is read to the end. */
export function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}
