import { readFileSync, statSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { AfterwordError, isAfterwordError } from '../index.ts'
import { durationMs } from '../model/duration.ts'
import type { ProcessSettings } from './messages.ts'

/** More processes than this were not meant. */
const COUNT_MAX = 1_000

/** What `afterword start` was asked for. */
export interface StartSettings {
  readonly entry: string
  readonly entryName: string
  /** Arguments of the application. */
  readonly args: readonly string[]
  readonly web: number
  readonly workers: number
  readonly concurrency: number | undefined
  readonly graceMs: number | undefined
  readonly maxTasks: number | undefined
  readonly maxMemoryMb: number | undefined
  readonly maxAgeMs: number | undefined
  readonly startTimeoutMs: number
  readonly restartDelayMs: number
  readonly json: boolean
}

/** What `afterword worker` was asked for. */
export interface WorkerSettings {
  readonly args: readonly string[]
  readonly process: ProcessSettings
  readonly json: boolean
}

/** What the command line asks for; undefined when it asked for help and has got it. */
export type Asked =
  | { readonly command: 'start'; readonly settings: StartSettings }
  | { readonly command: 'worker'; readonly settings: WorkerSettings }
  | undefined

interface CommonOptions {
  readonly concurrency?: number
  readonly grace?: number
  readonly startTimeout: number
  readonly json?: boolean
}

interface StartOptions extends CommonOptions {
  readonly web: number
  readonly workers: number
  readonly maxTasks?: number
  readonly maxMemory?: number
  readonly maxAge?: number
  readonly restartDelay: number
}

interface WorkerOptions extends CommonOptions {
  readonly queues?: readonly string[]
}

/**
 * Reads the arguments behind the command's name.
 *
 * @throws ARGUMENTS_INVALID, NO_PROCESSES, ENTRY_NOT_FOUND.
 */
export function readCommand(argv: readonly string[]): Asked {
  let asked: Asked
  const program = new Command('afterword')
    .description('Background tasks that run after the response and are never lost.')
    .version(versionOf(), '--version')
  addStart(program, (settings) => (asked = { command: 'start', settings }))
  addWorker(program, (settings) => (asked = { command: 'worker', settings }))
  for (const command of [program, ...program.commands]) quiet(command)
  try {
    program.parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw new AfterwordError('ARGUMENTS_INVALID', { reason: reasonOf(error, argv) })
  }
  return asked
}

/** Errors are thrown, and written by whoever catches them. */
function quiet(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => undefined })
}

function addStart(program: Command, asked: (settings: StartSettings) => void): void {
  const command = program
    .command('start')
    .description('start web processes that share their port, and workers beside them, and look after both')
  withEntry(command)
    .option('--web <n>', 'web processes', count(0), 1)
    .option('--workers <n>', 'processes that run the tasks; with 0 web processes run them themselves', count(0), 0)
  withCommon(command)
    .option('--max-tasks <n>', 'replace a process after about so many attempts', count(1, 1_000_000_000))
    .option('--max-memory <mb>', 'replace a process at about so many megabytes of memory', count(1, 10_000_000))
    .option('--max-age <duration>', 'replace a process after about this long', duration)
    .addOption(
      new Option('--restart-delay <duration>', 'the first pause before a process that died starts again')
        .argParser(duration)
        .default(100, '100ms'),
    )
    .action((entry: string, args: string[], options: StartOptions) => {
      if (options.web === 0 && options.workers === 0) throw new AfterwordError('NO_PROCESSES', {})
      const { grace, maxMemory, maxAge, startTimeout, restartDelay, ...rest } = options
      asked({
        ...entryOf(entry),
        args,
        web: rest.web,
        workers: rest.workers,
        concurrency: rest.concurrency,
        maxTasks: rest.maxTasks,
        graceMs: grace,
        maxMemoryMb: maxMemory,
        maxAgeMs: maxAge,
        startTimeoutMs: startTimeout,
        restartDelayMs: restartDelay,
        json: rest.json ?? false,
      })
    })
}

function addWorker(program: Command, asked: (settings: WorkerSettings) => void): void {
  const command = program.command('worker').description('run tasks in this process, without a supervisor')
  withEntry(command).option('--queues <names>', 'take tasks of these queues only, separated by commas', names)
  withCommon(command).action(
    (entry: string, args: string[], { queues, concurrency, grace, startTimeout, json }: WorkerOptions) =>
      asked({
        args,
        json: json ?? false,
        process: {
          role: 'worker',
          ...entryOf(entry),
          processes: { web: 0, worker: 1 },
          queues,
          concurrency,
          graceMs: grace,
          startTimeoutMs: startTimeout,
          maxTasks: undefined,
          maxMemoryMb: undefined,
        },
      }),
  )
}

function withEntry(command: Command): Command {
  return command
    .argument('<entry>', 'the module that starts the application')
    .argument('[args...]', 'arguments of the application, behind --')
}

function withCommon(command: Command): Command {
  return command
    .option('--concurrency <n>', 'the option of createBackground, for each process that runs tasks', count(1, 10_000))
    .option(
      '--grace <duration>',
      'how long a process may take to stop (default: as the application says, else 8s)',
      duration,
    )
    .addOption(
      new Option('--start-timeout <duration>', 'how long a process may take until it is ready')
        .argParser(duration)
        .default(30_000, '30s'),
    )
    .option('--json', 'write status lines as JSON')
}

/** Throws ENTRY_NOT_FOUND. */
function entryOf(given: string): { entry: string; entryName: string } {
  const entry = resolve(given)
  if (statSync(entry, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new AfterwordError('ENTRY_NOT_FOUND', { entry: given, folder: process.cwd() })
  }
  return { entry, entryName: relative(process.cwd(), entry) }
}

function count(min: number, max = COUNT_MAX): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be an integer from ${min} to ${max}.`)
  }
}

function duration(text: string): number {
  try {
    return durationMs(/^\d+$/.test(text) ? Number(text) : text, 'it')
  } catch (error) {
    if (!isAfterwordError(error)) throw error
    throw new InvalidArgumentError("It must be a duration such as '30s', '5m' or '12h'.")
  }
}

function names(text: string): readonly string[] {
  const all = text.split(',').map((name) => name.trim())
  if (all.every((name) => name !== '')) return [...new Set(all)]
  throw new InvalidArgumentError('It must be names with commas between them.')
}

function reasonOf(error: CommanderError, argv: readonly string[]): string {
  if (argv.length === 0) return 'no command was given; there are start and worker'
  return error.message
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .replaceAll('\n', ' ')
}

function versionOf(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return manifest.version
}
