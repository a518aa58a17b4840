import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { later } from '../support/bench.ts'
import { here } from './children/isolated-tasks.ts'

/** Waits until a thread or child process that `here` names has ended, whoever ended it. */
export function ends(t: TestContext): (there: string) => Promise<unknown> {
  const [own] = here().split('/')
  const threads = new Map<string, Promise<unknown>>()
  const children: ChildProcess[] = []
  const onWorker = (worker: Worker): void => void threads.set(`${own}/${worker.threadId}`, once(worker, 'exit'))
  const onChild = (message: unknown): void => void children.push((message as { process: ChildProcess }).process)
  process.on('worker', onWorker)
  subscribe('child_process', onChild)
  later(t).defer(() => {
    process.off('worker', onWorker)
    unsubscribe('child_process', onChild)
  })
  return (there) => {
    const child = children.find(({ pid }) => there === `${pid}/0`)
    if (child === undefined) return threads.get(there)!
    return child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve()
  }
}
