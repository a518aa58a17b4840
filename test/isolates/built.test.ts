/** Isolated tasks on the built package: compiled to JavaScript, and bundled. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { rolldown } from 'rolldown'
import { root } from '../tidy/source.ts'

const CHILDREN = join(import.meta.dirname, 'children')

/** A folder below the root of the package, so that `afterword` leads to it as it would for a user; ignored by git. */
function folder(t: TestContext): string {
  mkdirSync(join(root, 'data'), { recursive: true })
  const path = mkdtempSync(join(root, 'data', 'built-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function bundle(file: string, output: string, external: readonly string[]): Promise<void> {
  const built = await rolldown({ input: join(CHILDREN, file), external: [...external], platform: 'node' })
  await built.write({ file: output, format: 'esm' })
  await built.close()
}

async function run(file: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await promisify(execFile)(process.execPath, [file], { env: { ...process.env, ...env } })).stdout
}

describe('a task that is isolated', () => {
  test('runs from compiled JavaScript, without the option module', async (t) => {
    const path = folder(t)
    for (const name of ['bundled', 'count.task']) {
      const code = stripTypeScriptTypes(readFileSync(join(CHILDREN, `${name}.ts`), 'utf8'))
      writeFileSync(join(path, `${name}.js`), code.replace('./count.task.ts', './count.task.js'))
    }
    assert.equal(await run(join(path, 'bundled.js'), { WITHOUT_MODULE: '1' }), '20')
  })

  test('runs from a bundle, with the option module and a file for the task beside it', async (t) => {
    const path = folder(t)
    await bundle('bundled.ts', join(path, 'bundle.js'), ['afterword'])
    await bundle('count.task.ts', join(path, 'count.task.js'), ['afterword'])
    assert.equal(await run(join(path, 'bundle.js')), '20')
  })

  test('runs in a child process from there', async (t) => {
    const path = folder(t)
    await bundle('bundled.ts', join(path, 'bundle.js'), ['afterword'])
    await bundle('count.task.ts', join(path, 'count.task.js'), ['afterword'])
    assert.equal(await run(join(path, 'bundle.js'), { ISOLATE: 'process' }), '20')
  })

  test('is refused at start in a bundle without it: a thread would start the whole application', async (t) => {
    const path = folder(t)
    await bundle('bundled.ts', join(path, 'bundle.js'), ['afterword'])
    // Even though the application swallows in the thread what its background is refused with.
    assert.match(await run(join(path, 'bundle.js'), { WITHOUT_MODULE: '1' }), /TASK_MODULE_FAILED$/)
  })

  test('is refused at start when the bundle has swallowed the library, whose thread is a file of its own', async (t) => {
    const path = folder(t)
    await bundle('bundled.ts', join(path, 'bundle.js'), [])
    await bundle('count.task.ts', join(path, 'count.task.js'), [])
    assert.equal(await run(join(path, 'bundle.js')), 'TASK_MODULE_FAILED')
  })

  test('may lie in a file that has swallowed its own copy of the library', async (t) => {
    const path = folder(t)
    await bundle('bundled.ts', join(path, 'bundle.js'), ['afterword'])
    await bundle('count.task.ts', join(path, 'count.task.js'), [])
    assert.equal(await run(join(path, 'bundle.js')), '20')
  })
})
