/** A module of its own, which starts nothing: each child process that runs the task imports it. */
import { writeSync } from 'node:fs'
import { defineTask } from 'afterword'

export const readImage = defineTask({
  name: 'read-image',
  isolate: 'process',
  memoryMb: 64,
  retry: { attempts: 1 },
  run: (file: string) => `${file} has ${coloursOf(file)} colours`,
})

/** Stands for a native decoder, which takes its whole process with it. */
function coloursOf(file: string): number {
  if (file.startsWith('broken')) {
    writeSync(2, 'decoder: bad chunk, giving up\n')
    process.abort()
  }
  return 3
}
