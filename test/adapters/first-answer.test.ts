/** The first answer of a process, which no other one has prepared. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { later } from '../support/bench.ts'
import { startProgram } from '../support/start-program.ts'

test('the first answer of a process passes the gate, also when nobody started the background', async (t) => {
  const child = startProgram(join(import.meta.dirname, 'children', 'first-answer.ts'), [])
  later(t).defer(() => void child.kill('SIGKILL'))
  const [isStored] = (await once(child, 'message')) as [boolean]
  assert.equal(isStored, true)
})
