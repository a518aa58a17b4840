/** What an endpoint does beside its answer: nothing, `setImmediate`, our adapter, or an awaited add of a peer. */
export type ServerKind = 'bare' | 'volatile' | 'attached' | 'power' | 'process' | 'peer'

/** What the variants without a driver are called in tables. */
export const VARIANT_NAMES = {
  bare: 'no library, no task',
  control: 'the same again',
  volatile: 'setImmediate',
  attached: 'afterword, no task',
  power: 'afterword',
  process: 'afterword process',
} as const satisfies Readonly<Record<Exclude<ServerKind, 'peer'> | 'control', string>>

/** What everybody is called where nobody knows the benchmark. */
export const FULL_NAMES: Readonly<Record<string, string>> = {
  'the same again': 'the same again, to see the noise',
  'afterword, no task': 'Afterword, no task',
  afterword: 'Afterword, survives a power cut',
  'afterword removing': 'Afterword, finished tasks removed at once',
  'afterword process': 'Afterword, survives the process',
  setImmediate: 'setImmediate, survives nothing',
  bullmq: 'BullMQ (Redis without persistence)',
  'pg-boss': 'pg-boss (Postgres)',
  'graphile-worker': 'Graphile Worker (Postgres)',
  plainjob: 'plainjob (SQLite)',
  sidequest: 'Sidequest (SQLite)',
  FastAPI: 'FastAPI, survives nothing',
}
