/** Builds src/ to dist/, after removing what an earlier build left there. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, setup } from './setup.mjs'
import { ended, start, tool } from './tools.mjs'

const node = setup()
rmSync(join(root, 'dist'), { recursive: true, force: true })
const { code } = await ended(start(node, [tool('typescript', 'tsc'), '--project', 'tsconfig.build.json']))
process.exitCode = code ?? 1
