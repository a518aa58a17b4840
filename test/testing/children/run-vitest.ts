/**
 * Runs vitest on the project in the folder that is given, once, with our package names leading to the sources. What it
 * found is the last line that is printed, as JSON.
 */
import { join } from 'node:path'
import { startVitest } from 'vitest/node'

const src = join(import.meta.dirname, '../../../src')
const alias = [
  { find: /^afterword$/, replacement: join(src, 'index.ts') },
  { find: /^afterword\/fastify$/, replacement: join(src, 'adapters/fastify.ts') },
  { find: /^afterword\/testing$/, replacement: join(src, 'testing/index.ts') },
]
const [root] = process.argv.slice(2)
const options = { root: root!, config: false, watch: false, include: ['**/*.spec.ts'], reporters: ['json'], cache: false } as const
await startVitest('test', [], options, { resolve: { alias }, logLevel: 'error' })
