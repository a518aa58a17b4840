/**
 * `node check-location.ts <file>`: checks the location as a user without privileges and prints what came of it as JSON.
 * A superuser passes every permission check, so it becomes `nobody` first.
 */
import { AfterwordError } from '../../../src/model/errors.ts'
import { checkLocation } from '../../../src/stores/sqlite/file-checks.ts'

const NOBODY = 65_534

if (process.getuid?.() === 0) {
  process.setgroups?.([])
  process.setgid?.(NOBODY)
  process.setuid?.(NOBODY)
}
const answer = await checkLocation(process.argv[2] ?? '').catch((error: unknown) => {
  if (error instanceof AfterwordError) return { code: error.code, message: error.message }
  throw error
})
process.stdout.write(JSON.stringify({ uid: process.getuid?.(), ...answer }))
