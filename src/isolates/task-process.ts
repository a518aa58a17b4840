import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { getHeapStatistics } from 'node:v8'
import { arrivedError } from './crossing-error.ts'
import { inheritedArguments } from './inherited-arguments.ts'
import { type Errand, Isolate, type IsolateParts } from './isolate.ts'
import { LastWords } from './last-words.ts'
import type { FromProcess, ToIsolate } from './messages.ts'
import { notStarted, processDeath } from './process-death.ts'

/** The sources run as they are, and built: the entry lies beside this file either way. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './process-entry.ts' : './process-entry.js', import.meta.url)

/** How long its last words are waited for, in milliseconds: what a task started may hold the pipe after its process is gone. */
const LAST_WORDS_MS = 500

/** A child process that runs tasks. */
export class TaskProcess extends Isolate {
  readonly kind = 'process'
  readonly #child: ChildProcess
  readonly #said = new LastWords()
  #crash: Error | undefined

  constructor(parts: IsolateParts) {
    super(parts)
    const { memoryMb } = parts
    this.#child = fork(fileURLToPath(ENTRY), [], {
      serialization: 'advanced',
      execArgv: [
        ...inheritedArguments(process.execArgv),
        ...(memoryMb === undefined ? [] : [`--max-old-space-size=${memoryMb}`]),
      ],
      // The last pipe carries nothing: it closes over there when this process is gone, which a thread of its own notices.
      stdio: ['ignore', 'inherit', 'pipe', 'ipc', 'pipe'],
    })
    this.#child.on('message', (message) => this.#received(message))
    this.#child.on('error', (error) => this.#couldNot(error))
    this.#child.on('exit', (exitCode, signal) => this.#exitedWith(exitCode, signal))
    // Where no process could be started, there is neither a pipe nor a channel.
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#heardStderr(chunk))
    this.#child.channel?.unref()
    for (const stream of this.#child.stdio ?? []) (stream as Partial<Socket> | null)?.unref?.()
    this.keepAlive(false)
  }

  override begin(errand: Errand, message: ToIsolate): void {
    this.#said.clear()
    this.#crash = undefined
    super.begin(errand, message)
  }

  tell(message: ToIsolate): void {
    // A process that is about to be gone hears nothing more.
    if (this.#child.connected) this.#child.send({ afterword: message }, () => undefined)
  }

  protected keepAlive(isBusy: boolean): void {
    if (isBusy) this.#child.ref()
    else this.#child.unref()
  }

  protected kill(): void {
    // Whoever waits for its end has to hear of it.
    this.#child.ref()
    this.#child.kill('SIGKILL')
  }

  /** What a task itself sends to its parent is not for us. */
  #received(received: unknown): void {
    const message = (received as Partial<FromProcess> | null)?.afterword
    if (message === undefined) return
    if (message.kind === 'crashed') this.#crash = arrivedError(message.error)
    else this.heard(message)
  }

  #heardStderr(chunk: Buffer): void {
    this.#said.add(chunk)
    process.stderr.write(chunk)
  }

  #couldNot(error: Error): void {
    // Of one that was started, the end will tell.
    if (this.#child.pid === undefined) this.ended(notStarted(error))
  }

  #exitedWith(exitCode: number | null, signal: NodeJS.Signals | null): void {
    this.dead()
    const { clock, memoryMb = heapLimitMb() } = this.parts
    const end = (): void => {
      patience.cancel()
      this.#child.off('close', end)
      this.ended(processDeath({ exitCode, signal, crash: this.#crash, said: this.#said.text, memoryMb }))
    }
    const patience = clock.after(LAST_WORDS_MS, end, true)
    // After its last message, and its last words.
    this.#child.once('close', end)
  }
}

/** That of this process, from which a child has it. */
function heapLimitMb(): number {
  return Math.round(getHeapStatistics().heap_size_limit / 2 ** 20)
}
