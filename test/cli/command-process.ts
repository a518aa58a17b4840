import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import type { Change, Subject } from '../../src/cli/status-lines.ts'
import { folder, later } from '../support/bench.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
/** The path of the application that tests start. */
export const APPLICATION = join(import.meta.dirname, 'children/application.ts')
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/afterword-tests')

/** A status line, as programs read it. */
export interface Line extends Subject {
  readonly change: Change
  readonly message: string
}

/** What a test may want otherwise. */
export interface Setting {
  readonly env?: Readonly<Record<string, string>>
  /** The application; by default `children/application.ts`. */
  readonly entry?: string
  /** Where it runs; by default an empty folder. */
  readonly cwd?: string
  /** What starts it, in place of this Node. */
  readonly command?: readonly string[]
  /** What is started in place of the command line. */
  readonly program?: readonly string[]
}

/** Part of a line. */
type Wanted = Partial<Pick<Line, 'change' | 'role' | 'number' | 'pid'>> & { readonly text?: RegExp }

/** A real `afterword` process. It and all that it started have ended when the test is over. */
export class CommandProcess {
  readonly child: ChildProcess
  readonly cwd: string
  readonly notes: string
  /** Its status lines so far. */
  readonly lines: Line[] = []
  /** Everything else that it and its processes wrote. */
  readonly output: string[] = []
  /** Resolves when it has ended, and all that it started: they write to the same pipes. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  #waiting: (() => void)[] = []
  #isOver = false

  constructor(t: TestContext, args: readonly string[], setting: Setting = {}) {
    const { entry = APPLICATION, env = {}, command = [process.execPath] } = setting
    this.cwd = setting.cwd ?? folder(t)
    this.notes = join(this.cwd, 'notes')
    const [name, ...rest] = args
    const cached = process.env['NODE_V8_COVERAGE'] === undefined ? { NODE_COMPILE_CACHE: CACHE } : {}
    const program = setting.program ?? [MAIN, name!, entry, '--json', ...rest]
    const [file = '', ...before] = command
    this.child = spawn(file, [...before, ...program], {
      cwd: this.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...cached, NOTES: this.notes, AFTERWORD_LOG: 'error', ...env },
    })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => this.#heard(line))
    }
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.#isOver = true
      this.#look()
      return { code: code as number | null, signal: signal as NodeJS.Signals | null }
    })
    later(t).defer(async () => {
      this.child.kill('SIGKILL')
      // In a namespace of their own processes have numbers that are those of others here; they go with the first of them.
      if (setting.command === undefined && !this.#isOver) for (const pid of this.#started) killed(pid)
      await this.ended
    })
  }

  /** The first line from number `from` on, written already or to come, that is as wanted. */
  async until(wanted: Wanted, from = 0): Promise<Line> {
    for (;;) {
      const found = this.lines.slice(from).find((line) => isAs(line, wanted))
      if (found !== undefined) return found
      await this.#more(`it ended without ${JSON.stringify(wanted)}`)
    }
  }

  /** The first other line from number `from` on, written already or to come, that matches. */
  async untilOutput(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = this.output.slice(from).find((line) => pattern.test(line))
      if (found !== undefined) return found
      await this.#more(`it ended without ${pattern}`)
    }
  }

  /** Waits until so many processes of that role have become ready, counting from line number `from`. */
  async ready(role: Line['role'], count: number, from = 0): Promise<readonly Line[]> {
    for (;;) {
      const ready = this.lines.slice(from).filter((line) => isAs(line, { change: 'ready', role }))
      if (ready.length >= count) return ready
      await this.#more(`it ended before ${count} were ready`)
    }
  }

  /** Where the line says that its process listens. */
  portIn({ message }: Line): number {
    return Number(/127\.0\.0\.1:(\d+)/.exec(message)?.[1])
  }

  /** All that it has written, for messages of tests. */
  get story(): string {
    const lines = this.lines.map(
      ({ change, role, number, pid, message }) => `${change} ${role} ${number} ${pid}: ${message}`,
    )
    return [...lines, ...this.output].join('\n')
  }

  get #started(): readonly number[] {
    return this.lines.flatMap(({ change, pid }) => (change === 'started' && pid !== undefined ? [pid] : []))
  }

  #heard(text: string): void {
    if (text.startsWith('{"time"')) this.lines.push(JSON.parse(text) as Line)
    else this.output.push(text)
    this.#look()
  }

  /** Waits until it has written more; throws that when it never will. */
  async #more(failure: string): Promise<void> {
    if (this.#isOver) throw new Error(`${failure}:\n${this.story}`)
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #look(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

function isAs(line: Line, { text, ...wanted }: Wanted): boolean {
  const same = Object.entries(wanted).every(([key, value]) => line[key as keyof Line] === value)
  return same && (text === undefined || text.test(line.message))
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** The body of the answer to a request on a connection of its own. */
export async function ask(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text()
}
