import type { Background, TaskContext } from '../../src/index.ts'
import type { AttemptMark, HistoryWriter } from './history.ts'

/** What a server tells the history of its background. */
export class ServerStory {
  readonly #server: number
  readonly #history: HistoryWriter
  /** The incarnation for which each attempt was started: a context does not tell. */
  readonly #workers = new Map<string, number>()

  constructor(server: number, history: HistoryWriter) {
    this.#server = server
    this.#history = history
  }

  /** How an attempt that has just begun is named. */
  markOf({ id, attempt }: Pick<TaskContext, 'id' | 'attempt'>): AttemptMark {
    const worker = this.#workers.get(id) ?? 0
    this.#workers.delete(id)
    return { worker, id, attempt }
  }

  /** Writes down what the background says of workers, outcomes and claims. */
  follow(background: Background): void {
    const [server, history] = [this.#server, this.#history]
    background.on('worker:registered', ({ worker }) => history.write({ what: 'registered', server, worker }))
    background.on('attempt:start', ({ attempt }) => this.#workers.set(attempt.id, attempt.worker))
    background.on('attempt:end', ({ attempt: { id, worker, attempt }, state }) =>
      history.write({ what: 'recorded', server, worker, id, attempt, state }),
    )
    background.on('claim:lost', ({ attempt: { id, worker, attempt } }) =>
      history.write({ what: 'claim-lost', server, worker, id, attempt }),
    )
    background.on('worker:fenced', ({ worker }) => history.write({ what: 'fenced', server, worker }))
    background.on('worker:rescued', ({ worker, requeued }) =>
      history.write({ what: 'rescued', server, worker, requeued }),
    )
    background.on('store:failed', () => history.write({ what: 'store-failed', server }))
    background.on('stopped', ({ handedBack, abandoned }) =>
      history.write({ what: 'stopped', server, handedBack: handedBack.length, abandoned: abandoned.length }),
    )
  }
}
