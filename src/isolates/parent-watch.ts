/**
 * What runs in a thread of a task process: ends the process when its parent is gone, which a task that never pauses would not
 * let its main thread notice. The pipe carries nothing; it closes with the parent, however that ended.
 */
import { Socket } from 'node:net'

/** Where `TaskProcess` puts the pipe. */
const PIPE = 4

new Socket({ fd: PIPE, readable: true, writable: false })
  .once('close', () => process.kill(process.pid, 'SIGKILL'))
  .resume()
