import type { AddArguments, ResultOf } from './model/add-arguments.ts'
import type { AddOptions } from './model/add-options.ts'
import type { AnyTaskDefinition } from './model/definition.ts'
import type { TaskReference } from './model/task-handle.ts'
import type { Added } from './ports/store.ts'
import type { HeldDraft } from './task-draft.ts'
import type { TransactionDesk } from './transaction-desk.ts'

/** Who holds tasks of a transaction back until an answer is out. */
export interface TransactionHolder {
  readonly requestId: string | undefined
  /** That task is stored and its transaction committed. */
  keep(draft: HeldDraft, added: Added): void
}

/** Adds tasks as a part of a transaction that is open: what `background.in(transaction)` and `tasks.in(transaction)` return. */
export class TransactionTasks {
  readonly #desk: TransactionDesk
  readonly #transaction: unknown
  readonly #holder: TransactionHolder | undefined

  constructor(desk: TransactionDesk, transaction: unknown, holder: TransactionHolder | undefined) {
    this.#desk = desk
    this.#transaction = transaction
    this.#holder = holder
  }

  /**
   * Writes the task into that transaction: it is there with its commit, or not at all. Resolves once it is written, to what
   * `background.result` takes; durable it is with the commit, as durably as the connection commits. It stands outside of any series.
   *
   * @throws what `BackgroundTasks.add` throws, TASK_ID_TAKEN, SESSION_NOT_RECOGNIZED, SESSION_NO_TRANSACTION,
   *   SESSION_OTHER_DATABASE, and the STORE_… codes.
   */
  async add<D extends AnyTaskDefinition>(
    definition: D,
    ...[input, options]: AddArguments<D>
  ): Promise<TaskReference<ResultOf<D>>> {
    return this.#add(definition, input, options)
  }

  async #add(
    definition: AnyTaskDefinition,
    input: unknown,
    options: AddOptions | undefined,
  ): Promise<TaskReference<never>> {
    return { id: await this.#desk.add(this.#transaction, definition, input, options, this.#holder) }
  }
}
