import type { OpenSession } from '../model/session.ts'

/** Thrown into a library's transaction to make it roll back; it comes out of it again and is nobody's error. */
class RollBack extends Error {}

/** What a session by callback is made of; how it ends is added to it. */
export interface CallbackSession<Handle> extends Pick<OpenSession<Handle>, 'handle' | 'sql' | 'running'> {
  close?(broken: boolean): unknown
  /** True once its connection is lost: the callback then never returns, so that the library does nothing more on that connection. */
  isLost?(): boolean
}

/**
 * Opens a session of a library whose transactions are given to a callback: `db.transaction(async (tx) => …)`. The callback
 * lasts until the session is committed (it returns) or rolled back (it throws). A transaction that the library has ended by
 * itself meanwhile is not ended again.
 *
 * @param run  begins the transaction, calls back, and resolves once it is committed.
 * @param make  the session of what the callback was given.
 */
export async function openByCallback<Tx, Handle>(
  run: (body: (tx: Tx) => Promise<void>) => Promise<unknown>,
  make: (tx: Tx) => CallbackSession<Handle>,
): Promise<OpenSession<Handle>> {
  const began = Promise.withResolvers<Tx>()
  const body = Promise.withResolvers<void>()
  let isOver = false
  const over = run((tx) => {
    began.resolve(tx)
    return body.promise
  }).finally(() => (isOver = true))
  // What it rejects with before it has called back is why it could not begin.
  over.catch(began.reject)
  const session = make(await began.promise)
  const isLost = (): boolean => session.isLost?.() ?? false
  return {
    ...session,
    async commit() {
      if (!isOver && !isLost()) body.resolve()
      await over
    },
    async rollback() {
      // After a commit that failed the library has rolled back by itself.
      if (isOver) return
      if (!isLost()) body.reject(new RollBack())
      await over.catch((error: unknown) => {
        if (!(error instanceof RollBack)) throw error
      })
    },
    async close(broken) {
      // Whoever did not end it wants nothing of it.
      if (!isOver && !isLost()) body.reject(new RollBack())
      await session.close?.(broken)
    },
  }
}
