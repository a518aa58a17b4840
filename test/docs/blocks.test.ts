/**
 * The code blocks of the pages are complete programs. Each is written to a file, all are type-checked together against
 * the built package, and each is run: it has to end by itself, without an error.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
// Below the root of the package, so that `afterword` leads to it as it would for a user; ignored by git.
const folder = join(root, 'data', 'docs-blocks')
const run = promisify(execFile)

interface Block {
  readonly title: string
  readonly file: string
}

function extract(): Block[] {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return globSync('docs/*.md', { cwd: root })
    .toSorted()
    .flatMap((page) =>
      [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match, index) => {
        const file = join(folder, `${basename(page, '.md')}-${index + 1}.ts`)
        writeFileSync(file, match[1]!)
        return { title: `${page}, block ${index + 1}`, file }
      }),
    )
}

const blocks = extract()
after(() => rmSync(folder, { recursive: true, force: true }))

describe('the code blocks of the pages', () => {
  test('there are some', () => assert.ok(blocks.length >= 7))

  test('compile against the built package', async () => {
    const config = join(folder, 'tsconfig.json')
    writeFileSync(
      config,
      JSON.stringify({
        extends: '../../tsconfig.base.json',
        compilerOptions: { noEmit: true, skipLibCheck: true },
        include: ['*.ts'],
      }),
    )
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--project', config], { cwd: root })
  })

  for (const { title, file } of blocks) {
    test(`${title} runs to its end`, async () => {
      await run(process.execPath, [file], { cwd: folder, env: { ...process.env, AFTERWORD_LOG: 'error' } })
    })
  }
})
