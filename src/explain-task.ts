import { explain, type Explanation } from './engine/explain.ts'
import type { TaskId } from './model/task.ts'
import type { Clock } from './ports/clock.ts'
import type { Store } from './ports/store.ts'

/** Asks the store for all that says why a task is not running now. */
export async function explainTask(id: TaskId, store: Store, clock: Clock): Promise<Explanation> {
  const record = await store.find(id)
  const [ahead, paused, workers, counts] = await Promise.all([
    store.ahead(id),
    store.paused(),
    store.workers(),
    store.counts(),
  ])
  const { ready, running } = counts.get(record?.queue ?? '') ?? { ready: 0, running: 0 }
  return explain(id, { record, ahead, paused, workers, ready, running, now: clock.now() })
}
