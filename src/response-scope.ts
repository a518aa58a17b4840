import { BackgroundTasks, type TaskDesk } from './background-tasks.ts'
import { type Carried, carriedBy, carry } from './http/carried.ts'
import { enterScope, inScope, type Scope } from './http/current.ts'
import { gateResponse, type NodeResponse } from './http/gate.ts'
import { nobodyWaits, type Settled } from './http/response-tasks.ts'
import { type NamedRequest, requestName } from './request-name.ts'

/** Whose scopes they are. */
export interface ScopeOwner {
  readonly draining: boolean
}

/** What a scope needs of its request. */
export interface ScopedRequest extends NamedRequest {
  readonly id?: unknown
}

/**
 * One response under the care of an adapter. Its task list, and the gate on its head, are made when somebody first asks
 * for it: a request that adds nothing pays for this object and for one property.
 */
export class ResponseScope implements Scope<BackgroundTasks>, Carried {
  readonly owner: ScopeOwner
  readonly next: Carried | undefined
  /** For an adapter that holds the answer itself while its tasks are being stored. */
  sending = false
  readonly #desk: TaskDesk
  readonly #response: NodeResponse | undefined
  readonly #request: ScopedRequest | undefined
  #tasks: BackgroundTasks | undefined
  #status: number | undefined
  #closed = false

  constructor(
    owner: ScopeOwner,
    desk: TaskDesk,
    response: NodeResponse | undefined,
    request: ScopedRequest | undefined,
    next: Carried | undefined,
  ) {
    this.owner = owner
    this.next = next
    this.#desk = desk
    this.#response = response
    this.#request = request
  }

  /** The scope of a response: the one that it carries already, or else a new one. */
  static of(
    owner: ScopeOwner,
    desk: TaskDesk,
    response: NodeResponse | undefined,
    request: ScopedRequest | undefined,
  ): ResponseScope {
    if (response === undefined) return new ResponseScope(owner, desk, undefined, request, undefined)
    const first = carriedBy(response)
    for (let carried = first; carried !== undefined; carried = carried.next) {
      if (carried.owner === owner) return carried as ResponseScope
    }
    const scope = new ResponseScope(owner, desk, response, request, first)
    carry(response, scope)
    return scope
  }

  /** Whether anybody has asked for the task list. */
  get used(): boolean {
    return this.#tasks !== undefined
  }

  get requestId(): string | undefined {
    return requestId(this.#request?.id)
  }

  get name(): string {
    const named = this.#request?.method === undefined ? this.#response?.req : this.#request
    return requestName(named, this.requestId)
  }

  get isAnswered(): boolean {
    return this.#status !== undefined || this.#closed || this.#response?.headersSent === true
  }

  get tasks(): BackgroundTasks {
    return (this.#tasks ??= this.#makeLate())
  }

  /** The same as `run` for all that follows in this turn: for an adapter's first hook, which only calls the next. */
  enter(): void {
    enterScope(this)
  }

  /** Runs `callback` so that `currentTasks()` finds this response in it and in all that it awaits. */
  run<R>(callback: () => R): R {
    return inScope(this, callback)
  }

  /**
   * The answer's status is known: keeps or drops by it what was added. Undefined when the head has nothing to wait for;
   * a rejection, with a coded error, means that nothing was kept.
   */
  settle(status: number): Promise<void> | undefined {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    return this.settleThen(status, (error) => (error === undefined ? resolve() : reject(error))) ? promise : undefined
  }

  /** The same without a promise: true when `settled` will be called. */
  settleThen(status: number, settled: Settled): boolean {
    this.#status ??= status
    return this.#tasks !== undefined && this.#tasks.settle(status, settled)
  }

  /** The answer is out, or its connection is gone. */
  close(): void {
    this.#closed = true
    this.#tasks?.close()
  }

  /** A list that is first asked for after the head has left learns what happened before it came. */
  #makeLate(): BackgroundTasks {
    const tasks = new BackgroundTasks(this.#desk, this)
    if (this.#response !== undefined) gateResponse(this.#response, tasks)
    if (this.#status !== undefined) tasks.settle(this.#status, nobodyWaits)
    if (this.#closed) tasks.close()
    return tasks
  }
}

/** Frameworks and their loggers give requests ids of several types. */
function requestId(id: unknown): string | undefined {
  return typeof id === 'string' ? id : typeof id === 'number' || typeof id === 'bigint' ? String(id) : undefined
}
