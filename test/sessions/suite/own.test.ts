/** The provider that docs/sessions-own.md shows passes the suite, run as the page says. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { mariadbDatabase, skipMariadb } from '../../support/databases.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const run = promisify(execFile)

/** The code blocks of the page in that language. */
function blocks(language: string): readonly string[] {
  const page = readFileSync(join(root, 'docs/sessions-own.md'), 'utf8')
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) => match[1]!)
}

describe('the page about providers of your own', () => {
  test('shows one that passes the suite', { skip: skipMariadb }, async (t) => {
    const database = await mariadbDatabase()
    t.after(() => database.drop())
    // Below the root of the package, so that `afterword` leads to it as it would for a user; ignored by git.
    const folder = join(root, 'data', 'docs-own')
    mkdirSync(folder, { recursive: true })
    t.after(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'mysql-session.ts'), blocks('ts')[0]!)
    writeFileSync(join(folder, 'mysql-session.test.ts'), blocks('typescript')[0]!)
    const env = { ...process.env, DATABASE_URL: database.url, NODE_TEST_CONTEXT: undefined }
    const file = join(folder, 'mysql-session.test.ts')
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', file], { env, cwd: folder })
    assert.match(stdout, /^# fail 0$/m)
    assert.match(stdout, /^ *ok \d+ - Sessions \(mysql2\)$/m)
  })
})
