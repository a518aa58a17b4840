import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Incarnation } from '../../src/model/task.ts'

/** What a peer process reports. */
export type PeerEvent =
  | { readonly event: 'arrived' | 'rang' | 'left' | 'broken off' }
  | { readonly event: 'degraded'; readonly reason: string }
  | ({ readonly event: 'gone' } & Probed)
  | ({ readonly event: 'probed' } & Probed)

interface Probed {
  readonly peer: Incarnation
  readonly probe: 'dead' | 'alive' | 'unknown'
}

/** What a peer process can be told. */
export type PeerOrder =
  | { readonly do: 'ring' | 'leave' | 'breakOff' | 'disconnect' }
  | { readonly do: 'ringOne' | 'probe'; readonly peer: Incarnation }

/** A real process with a presence, killed after the test at the latest. */
export class PeerProcess {
  readonly child: ChildProcess
  readonly exited: Promise<unknown>
  readonly #heard: PeerEvent[] = []
  #waiting: (() => void)[] = []

  /** Starts a process that arrives as `self`; `script` is another child that speaks the same language. */
  constructor(
    t: TestContext,
    file: string,
    self: Incarnation,
    peers: readonly Incarnation[],
    script = 'presence-peer.ts',
  ) {
    const path = fileURLToPath(new URL(`children/${script}`, import.meta.url))
    this.child = fork(path, [file, String(self), ...peers.map(String)])
    this.exited = once(this.child, 'exit')
    this.child.on('message', (event) => {
      this.#heard.push(event as PeerEvent)
      for (const look of this.#waiting.splice(0)) look()
    })
    t.after(async () => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) return
      this.child.kill('SIGKILL')
      await this.exited
    })
  }

  /** Starts a process and waits until it has arrived. */
  static async arrived(
    t: TestContext,
    file: string,
    self: Incarnation,
    peers: readonly Incarnation[] = [],
    script?: string,
  ): Promise<PeerProcess> {
    const peer = new PeerProcess(t, file, self, peers, script)
    await peer.next('arrived')
    return peer
  }

  tell(order: PeerOrder): void {
    this.child.send(order)
  }

  /** Takes the oldest report of that kind out of the mail, waiting for it when there is none. */
  async next<E extends PeerEvent['event']>(event: E): Promise<PeerEvent & { event: E }> {
    for (;;) {
      const index = this.#heard.findIndex((heard) => heard.event === event)
      if (index >= 0) return this.#heard.splice(index, 1)[0] as PeerEvent & { event: E }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.push(resolve)
      await promise
    }
  }

  /** Throws away what was reported so far. */
  forget(): void {
    this.#heard.length = 0
  }

  async probe(peer: Incarnation): Promise<'dead' | 'alive' | 'unknown'> {
    this.tell({ do: 'probe', peer })
    return (await this.next('probed')).probe
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }
}
