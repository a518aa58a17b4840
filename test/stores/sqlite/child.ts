import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folder } from '../../support/bench.ts'

/** How a child is started. */
export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>
}

/** A real process that runs a script of `children/` and talks over IPC; killed after the test at the latest. */
export class Child<Message = unknown> {
  readonly process: ChildProcess
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly #heard: Message[] = []
  #waiting: (() => void)[] = []

  constructor(t: TestContext, script: string, args: readonly string[], { env = {} }: ChildOptions = {}) {
    const path = fileURLToPath(new URL(`children/${script}`, import.meta.url))
    this.process = fork(path, args, { env: { ...process.env, ...env } })
    this.exited = once(this.process, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }))
    this.process.on('message', (message) => {
      this.#heard.push(message as Message)
      this.#wake()
    })
    void this.exited.then(() => this.#wake())
    t.after(async () => {
      this.process.kill('SIGKILL')
      await this.exited
    })
  }

  /** The next thing it says; an error when it ends without a word. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.#heard.shift()
      if (message !== undefined) return message
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`the child ended (${this.process.exitCode ?? this.process.signalCode}) and said nothing`)
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  tell(message: string): void {
    this.process.send(message)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.exited
  }

  #wake(): void {
    for (const look of this.#waiting.splice(0)) look()
  }
}

/** Why a test that injects faults is skipped. */
export const NO_COMPILER = 'there is no C compiler to build the fault injector with'

/** Builds the fault injector (`faults.c`), to be named in LD_PRELOAD; undefined where that is not possible. */
export function faultInjector(t: TestContext): string | undefined {
  if (process.platform !== 'linux') return undefined
  const source = fileURLToPath(new URL('faults.c', import.meta.url))
  const library = join(folder(t), 'faults.so')
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'ignore' })
  return status === 0 ? library : undefined
}
