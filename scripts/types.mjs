/**
 * Compiles the programs in test/types and in its folder that registers sessions, against the built declarations with one of the installed compilers: `node scripts/types.mjs typescript-5`.
 * Every declaration of ours is checked (no `skipLibCheck`); an error inside another package's declarations is not ours to fix,
 * so only those are left out.
 */
import { stop } from './setup.mjs'
import { ended, start, tool } from './tools.mjs'

const compiler = process.argv[2] ?? 'typescript'

for (const project of ['test/types', 'test/types/registered']) await compile(project)

async function compile(project) {
  const command = [tool(compiler, 'tsc'), '--project', `${project}/tsconfig.json`, '--pretty', 'false']
  const child = start(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  const { code } = await ended(child)

  // An error starts at the left edge and its explanation is indented below it.
  const errors = output.split(/\n(?=\S)/).filter((text) => text.trim() !== '')
  // A worktree may share the node_modules of another one: then the path leads there.
  const ours = errors.filter((error) => !/^(\.\.\/\S+\/)?node_modules\//.test(error))
  if (ours.length > 0) stop(ours.join('\n'))
  if (code !== 0 && errors.length === 0) stop(`${compiler} ended with code ${code} and said nothing.`)
}
