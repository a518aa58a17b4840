import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

/** The folder of package.json. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** How a program ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program of ours, run by this Node; killed after the test at the latest. */
export class Program {
  readonly child: ChildProcess
  /** What it has printed so far, line by line. */
  readonly lines: string[] = []
  readonly errors: string[] = []
  /** Resolves when it has ended and all of its output is read. */
  readonly ended: Promise<Ending>
  #look = new Set<() => void>()
  #isOver = false

  /** Starts `file`, a path from the root of the project, in the folder `cwd`. */
  constructor(t: TestContext, file: string, { cwd, env = {} }: { cwd: string; env?: Record<string, string> }) {
    const child = spawn(process.execPath, [root + file], { cwd, env: { ...process.env, ...env } })
    this.child = child
    for (const [stream, lines] of [[child.stdout, this.lines] as const, [child.stderr, this.errors] as const]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        for (const look of this.#look) look()
      })
    }
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#isOver = true
      for (const look of this.#look) look()
      return { code: code as Ending['code'], signal: signal as Ending['signal'] }
    })
    t.after(async () => {
      child.kill('SIGKILL')
      await this.ended
    })
  }

  /** Resolves to the first line from `from` on, printed already or to come, that matches; rejects when there will be none. */
  line(pattern: RegExp, from = 0): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.lines.slice(from).find((line) => pattern.test(line))
        if (found === undefined && !this.#isOver) return
        this.#look.delete(look)
        if (found === undefined) reject(new Error(`It ended without a line like ${pattern}:\n${this.#output()}`))
        else resolve(found)
      }
      this.#look.add(look)
      look()
    })
  }

  #output(): string {
    return [...this.lines, ...this.errors].join('\n')
  }
}

/** A port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
