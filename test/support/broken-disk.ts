import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** Makes every sync of this process fail, until the function that it gives is called. */
export function breakDisk(): () => void {
  const whole = { fdatasync: fs.fdatasync, fdatasyncSync: fs.fdatasyncSync }
  const error = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO', syscall: 'fdatasync' })
  Object.assign(fs, {
    fdatasync: (_: number, callback: (error: Error) => void) => void setImmediate(callback, error),
    fdatasyncSync: () => {
      throw error
    },
  })
  syncBuiltinESMExports()
  return () => {
    Object.assign(fs, whole)
    syncBuiltinESMExports()
  }
}
