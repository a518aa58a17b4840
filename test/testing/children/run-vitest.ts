/**
 * Runs vitest once on the tests in the folders that are given, with our package names leading to the sources. Prints what
 * it found as JSON, on the last line.
 */
import { join } from 'node:path'
import { startVitest } from 'vitest/node'

const root = join(import.meta.dirname, '../../..')
const alias = [
  { find: /^afterword$/, replacement: join(root, 'src/index.ts') },
  { find: /^afterword\/fastify$/, replacement: join(root, 'src/adapters/fastify.ts') },
  { find: /^afterword\/testing$/, replacement: join(root, 'src/testing/index.ts') },
]
const include = process.argv.slice(2).map((folder) => `${folder}/*.spec.ts`)
const cacheDir = join(root, 'node_modules/.vite')
const options = { root, config: false as const, watch: false, include, reporters: [{}] }
const vitest = await startVitest([], options, { resolve: { alias }, cacheDir, logLevel: 'error' })
const found = vitest.state.getTestModules().flatMap((module) =>
  [...module.children.allTests()].map((each) => {
    const { state, errors = [] } = each.result()
    return { title: each.fullName, state, errors: errors.map(({ message }) => message) }
  }),
)
await vitest.close()
console.log(JSON.stringify(found))
