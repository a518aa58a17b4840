/**
 * Every example is run as its reader would run it, and has to print what it says in its `Prints:` block. Servers are sent one
 * request over a socket, and then the signal of Ctrl-C.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { freePort, Program, root } from './program.ts'

const programs = globSync('examples/*.ts', { cwd: root }).toSorted()
const servers = programs.filter((file) => !/\/\d/.test(file))

/** The lines that an example promises to print. */
function prints(file: string): string[] {
  const [, block = ''] = readFileSync(join(root, file), 'utf8').split('// Prints:\n')
  return block
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\/\/ {3}/, ''))
}

/** An empty folder to run in: examples keep their stores in ./data. */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'afterword-example-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Runs a server through one sign-up and Ctrl-C. */
async function signUp(t: TestContext, file: string, source = file): Promise<void> {
  const port = await freePort()
  const program = new Program(t, file, { cwd: folder(t), env: { PORT: String(port) } })
  await program.line(/^listening on/)

  const answer = await fetch(`http://127.0.0.1:${port}/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.com' }),
  })
  const { email, taskId } = (await answer.json()) as { email: string; taskId: string }
  assert.equal(answer.status, 201)
  assert.equal(email, 'ada@example.com')
  assert.match(taskId, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)

  await program.line(/newsletter/)
  program.child.kill('SIGINT')
  const { code, signal } = await program.ended
  // Nest lets the signal end the process when its hooks have run.
  assert.ok(code === 0 || signal === 'SIGINT', `It ended with code ${code}, signal ${signal}.`)
  assert.deepEqual(
    program.lines.map((line) => line.replace(String(port), '3000')),
    prints(source),
  )
}

describe('an example', () => {
  for (const file of programs.filter((program) => !servers.includes(program))) {
    it(`${file} prints what it says`, async (t) => {
      const program = new Program(t, file, { cwd: folder(t) })
      const { code } = await program.ended
      assert.deepEqual(program.lines, prints(file), program.errors.join('\n'))
      assert.equal(code, 0)
    })
  }

  for (const file of servers) {
    it(`${file} answers, runs its tasks in order after the answer, and stops on Ctrl-C`, (t) => signUp(t, file))
  }

  describe('for NestJS', () => {
    before(() => {
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', 'examples/nestjs'], {
        cwd: root,
        encoding: 'utf8',
      })
      assert.equal(status, 0, stdout)
    })

    it('examples/nestjs/main.ts answers, runs its tasks in order after the answer, and stops on Ctrl-C', (t) =>
      signUp(t, 'examples/nestjs/dist/main.js', 'examples/nestjs/main.ts'))
  })
})
