/** The kit under vitest: a small project is really run by it, in a process of its own. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'

interface Report {
  readonly numTotalTests: number
  readonly numPassedTests: number
  readonly success: boolean
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly failureMessages: readonly string[] }[]
  }[]
}

async function runVitest(project: string): Promise<Report> {
  const child = [join(import.meta.dirname, 'children/run-vitest.ts'), join(import.meta.dirname, project)]
  const { stdout } = await promisify(execFile)(process.execPath, child)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Report
}

describe('under vitest', () => {
  test('a project passes', async () => {
    assert.ok(existsSync(join(import.meta.dirname, 'vitest-project/signup.spec.ts')))
    const { success, numTotalTests, numPassedTests, testResults } = await runVitest('vitest-project')
    const failures = testResults.flatMap(({ assertionResults }) => assertionResults.flatMap((each) => each.failureMessages))
    assert.deepEqual({ success, numTotalTests, numPassedTests, failures }, { success: true, numTotalTests: 5, numPassedTests: 5, failures: [] })
  })
})
