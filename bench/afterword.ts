import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Background, type BackgroundOptions, createBackground, defineTask, type Durability } from 'afterword'
import { fillStore } from './fill.ts'
import type { Driver, OpenDriver, Place, TaskInput } from './peer.ts'

/** The file of a place. */
export function tasksFile(place: Place): string {
  return join(place.folder, 'tasks.db')
}

function afterword(name: string, says: string, durability: Durability, options: BackgroundOptions = {}): Driver {
  return {
    name,
    says,
    survives: durability,
    packages: [],
    drains: 20_000,
    prepare: () => Promise.resolve(),
    open: (place) => Promise.resolve(new OpenAfterword(tasksFile(place), { ...options, durability })),
    stored: (place) => Promise.resolve(storedNumbers(tasksFile(place))),
    clear: () => Promise.resolve(),
  }
}

class OpenAfterword implements OpenDriver {
  readonly #file: string
  readonly #options: BackgroundOptions
  readonly #background: Background
  #run: (input: TaskInput) => Promise<void> = () => Promise.resolve()
  #worker: Background | undefined

  readonly #task = defineTask({ name: 'send-welcome', run: (input: TaskInput) => this.#run(input) })

  constructor(file: string, options: BackgroundOptions) {
    this.#file = file
    this.#options = { ...options, store: `sqlite:${file}`, tasks: [this.#task] }
    this.#background = createBackground({ ...this.#options, works: false })
  }

  // Who works adds over the background that works: claimed as they are inserted, as in an application.
  add(input: TaskInput): Promise<unknown> {
    return (this.#worker ?? this.#background).add(this.#task, input)
  }

  async addMany(inputs: readonly TaskInput[]): Promise<void> {
    await fillStore(this.#file, inputs)
  }

  async work(run: (input: TaskInput) => Promise<void>): Promise<void> {
    this.#run = run
    this.#worker = createBackground(this.#options)
    await this.#worker.start()
  }

  async left(): Promise<number> {
    const counts = [...(await (this.#worker ?? this.#background).counts()).values()]
    return counts.reduce(
      (sum, { scheduled, waiting, ready, running }) => sum + scheduled + waiting + ready + running,
      0,
    )
  }

  async close(): Promise<void> {
    await this.#worker?.stop()
    await this.#background.stop()
  }
}

/** The numbers of the tasks that have not ended; read by the same SQLite library that wrote them. */
function storedNumbers(file: string): number[] {
  const db = new DatabaseSync(file)
  try {
    const live = db
      .prepare("SELECT input FROM afterword_tasks WHERE state IN ('ready', 'running', 'scheduled', 'waiting')")
      .all()
    return live.map((row) => (JSON.parse(String(row['input'])) as TaskInput).n)
  } finally {
    db.close()
  }
}

/** Afterword as it comes. */
export const power = afterword('afterword', 'as it comes: durability `power`, finished tasks kept for a day', 'power')
/** Afterword at the cheaper durability. */
export const processOnly = afterword('afterword process', 'durability `process`, finished tasks kept', 'process')
/** Afterword that keeps no history. */
export const forgetful = afterword(
  'afterword removing',
  'durability `power`, finished tasks removed at once',
  'power',
  {
    retention: { succeeded: 0 },
  },
)
