/** Every name that the package exports as a value. A name that comes or goes shows here, and in the changelog. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

async function namesOf(path: string): Promise<string[]> {
  const entry = (await import(`../../src/${path}`)) as Record<string, unknown>
  return Object.keys(entry).toSorted()
}

test('afterword exports these names', async () => {
  assert.deepEqual(await namesOf('index.ts'), [
    'AfterwordError',
    'Background',
    'BackgroundTasks',
    'createBackground',
    'currentTasks',
    'defineTask',
    'giveUp',
    'healthAnswer',
    'healthHandler',
    'isAfterwordError',
    'retryAfter',
  ])
})
