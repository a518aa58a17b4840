/**
 * `node fault-scenario.ts FOLDER ORDERS MODE KIND`, under the recorder: lives the whole life of a background once with the
 * first call failing, once with the second, and so on until a life passes without meeting the fault. Tells after each
 * life what it was promised and what came out of the calls of the front door.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { systemPorts } from '../../src/background-ports.ts'
import { Background } from '../../src/background.ts'
import { isAfterwordError } from '../../src/model/errors.ts'
import type { Logger } from '../../src/model/logger.ts'
import type { Durability } from '../../src/model/task.ts'
import type { SyncMode } from '../../src/stores/sqlite/wal-sync.ts'
import { definitions, inputOf } from './tasks.ts'
import { checkpointEvery, clockFor } from './workload-parts.ts'

/** What one life told. */
export interface Life {
  readonly nth: number
  /** The call that failed, for example `sync data/tasks.db-wal`; undefined when there was none. */
  readonly hit: string | undefined
  readonly tried: readonly number[]
  readonly ran: readonly number[]
  readonly acknowledged: readonly (readonly [n: number, durability: Durability])[]
  /** Codes of the errors that callers saw, or `uncoded: …`. */
  readonly errors: readonly string[]
  /** What nobody had caught. */
  readonly escaped: readonly string[]
  /** Acknowledged as safe from a power cut by a store whose log had failed to sync before the call. */
  readonly unstopped: readonly number[]
}

const AUTOCHECKPOINT_PAGES = 12
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const [root = '', ordersFile = '', mode = '', kind = ''] = process.argv.slice(2)
const orders = openSync(ordersFile, 'r+')
let escaped: string[] = []
process.on('uncaughtException', (error) => escaped.push(String(error)))
process.on('unhandledRejection', (error) => escaped.push(String(error)))
checkpointEvery(AUTOCHECKPOINT_PAGES)

class Living {
  readonly #nth: number
  readonly #tried: number[] = []
  readonly #ran: number[] = []
  readonly #acknowledged: [number, Durability][] = []
  readonly #errors: string[] = []
  readonly #unstopped: number[] = []
  readonly #tasks = definitions((n) => this.#ran.push(n))
  readonly #linesBefore = hits().length
  #hitBeforeStart: string | undefined

  constructor(nth: number) {
    this.#nth = nth
  }

  async live(): Promise<Life> {
    escaped = []
    writeSync(orders, `arm ${this.#nth} ${kind}`)
    const { clock, opened } = clockFor(mode as SyncMode)
    const background = new Background(
      {
        store: `sqlite:${join(root, String(this.#nth), 'tasks.db')}`,
        tasks: Object.values(this.#tasks),
        logger: SILENT,
      },
      { ...systemPorts(), clock },
    )
    // A start that fails may be tried again: the fault came once.
    if (!(await this.#tells(() => background.start()))) await this.#tells(() => background.start())
    opened()
    this.#hitBeforeStart = this.#hit
    await this.#work(background)
    await this.#tells(() => background.stop({ grace: 50 }))
    writeSync(orders, 'disarm')
    // What was rejected without a listener is told at the end of a turn.
    await new Promise((resolve) => setImmediate(resolve))
    return {
      nth: this.#nth,
      hit: this.#hit,
      tried: this.#tried,
      ran: this.#ran,
      acknowledged: this.#acknowledged,
      errors: this.#errors,
      escaped,
      unstopped: this.#unstopped,
    }
  }

  async #work(background: Background): Promise<void> {
    const { plain, failsOnce, givesUp } = this.#tasks
    await this.#add(background, 1, 'power')
    await this.#add(background, 2, 'process')
    await this.#tells(async () => {
      const scope = background.attach(undefined)
      this.#tried.push(3, 4)
      scope.tasks.add(failsOnce, inputOf(3))
      scope.tasks.add(givesUp, inputOf(4), { durability: 'process' })
      try {
        await scope.settle(201)
        this.#acknowledged.push([3, 'power'], [4, 'process'])
      } finally {
        scope.close()
      }
    })
    this.#tried.push(5)
    await this.#tells(async () => {
      const { id } = await background.add(plain, inputOf(5))
      this.#acknowledged.push([5, 'power'])
      await background.result(id, { timeout: '2s' })
    })
    await this.#add(background, 6, 'power')
  }

  async #add(background: Background, n: number, durability: Durability): Promise<void> {
    const stopped = this.#hit !== undefined && this.#hitBeforeStart === undefined && /^sync .*-wal$/.test(this.#hit)
    this.#tried.push(n)
    await this.#tells(async () => {
      await background.add(this.#tasks.plain, inputOf(n), { durability })
      this.#acknowledged.push([n, durability])
      if (stopped && durability === 'power' && kind !== 'eintr') this.#unstopped.push(n)
    })
  }

  /** False when it failed; the error is noted. */
  async #tells(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call()
      return true
    } catch (error) {
      this.#errors.push(isAfterwordError(error) ? error.code : `uncoded: ${String(error)}`)
      return false
    }
  }

  get #hit(): string | undefined {
    return hits()[this.#linesBefore]
  }
}

function hits(): string[] {
  return readFileSync(ordersFile, 'utf8').split('\n').slice(0, -1)
}

for (let nth = 1; ; nth++) {
  const life = await new Living(nth).live()
  await new Promise<void>((resolve) => process.send!(life, () => resolve()))
  if (life.hit === undefined) break
}
closeSync(orders)
process.disconnect()
