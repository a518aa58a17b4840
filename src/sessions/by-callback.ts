import type { OpenSession } from '../model/session.ts'

/** Thrown into a library's transaction to make it roll back; it comes out of it again and is nobody's error. */
class RollBack extends Error {}

/**
 * Opens a session of a library whose transactions are given to a callback: `db.transaction(async (tx) => …)`. The callback
 * lasts until the session is committed (it returns) or rolled back (it throws).
 *
 * @param run  begins the transaction, calls back, and resolves once it is committed.
 * @param make  the session of what the callback was given; how it ends is added here.
 */
export async function openByCallback<Tx, Handle>(
  run: (body: (tx: Tx) => Promise<void>) => Promise<unknown>,
  make: (tx: Tx) => Pick<OpenSession<Handle>, 'handle' | 'sql' | 'running'> & { close?(broken: boolean): unknown },
): Promise<OpenSession<Handle>> {
  const began = Promise.withResolvers<Tx>()
  const body = Promise.withResolvers<void>()
  const over = run((tx) => {
    began.resolve(tx)
    return body.promise
  })
  // What it rejects with before it has called back is why it could not begin.
  over.catch(began.reject)
  const session = make(await began.promise)
  return {
    ...session,
    async commit() {
      body.resolve()
      await over
    },
    async rollback() {
      body.reject(new RollBack())
      await over.catch((error: unknown) => {
        if (!(error instanceof RollBack)) throw error
      })
    },
    close: async (broken) => void (await session.close?.(broken)),
  }
}
