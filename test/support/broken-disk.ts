import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** Makes every sync of this process fail, until the function that it gives is called. */
export function breakDisk(): () => void {
  const { fdatasync, fdatasyncSync } = fs
  const error = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO', syscall: 'fdatasync' })
  fs.fdatasyncSync = () => {
    throw error
  }
  const failing = (_: number, callback: (error: Error) => void): void => void setImmediate(callback, error)
  fs.fdatasync = Object.assign(failing, { __promisify__: fdatasync.__promisify__ })
  syncBuiltinESMExports()
  return () => {
    Object.assign(fs, { fdatasync, fdatasyncSync })
    syncBuiltinESMExports()
  }
}
