import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stalePages } from '../../scripts/fresh.mjs'

test('every generated page is what its source says', async () => {
  const stale = await stalePages()
  assert.deepEqual(stale, [], 'these pages were stale and have been written again: look at them and commit them')
})
