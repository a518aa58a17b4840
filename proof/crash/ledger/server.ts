/**
 * The program under test of the plan `ledger`: `node server.ts <settings as JSON>`. An ordinary HTTP server whose tasks move
 * money. `POST /<n>` adds the transfers that the plan has for request n, `DELETE /<id>` cancels one, `PUT /quarantined` gives
 * every task that was set aside another life, as an operator would.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { flushCompileCache } from 'node:module'
import type { AddressInfo } from 'node:net'
import { nodeTasks } from '../../../src/adapters/node.ts'
import { type BackgroundTasks, createBackground } from '../../../src/index.ts'
import type { Point } from '../faults.ts'
import { HistoryWriter } from '../history.ts'
import type { ServerSettings } from '../server-settings.ts'
import { ServerStory } from '../server-story.ts'
import type { Data } from './bank.ts'
import { pgBank } from './pg-bank.ts'
import { type PlannedTransfer, transfersOf } from './plan.ts'
import { Points } from './points.ts'
import { sqliteBank } from './sqlite-bank.ts'
import { type LedgerParts, type LedgerTasks, ledgerTasks } from './tasks.ts'

/** What a server of the ledger is told. */
export interface LedgerServerSettings extends ServerSettings {
  readonly data: Data
  readonly address: string
  readonly trouble: number | undefined
}

const settings = JSON.parse(process.argv[2] ?? '{}') as LedgerServerSettings
const { server, seed, data, address } = settings
const history = new HistoryWriter(settings.history)
const story = new ServerStory(server, history)
const points = new Points(server, history)

const parts: Omit<LedgerParts<never>, 'bank'> = {
  points,
  begin({ n, step }, context) {
    const mark = story.markOf(context)
    history.write({ what: 'begin', server, n, step, ...mark })
    return (how) => history.write({ what: 'end', server, how, ...mark })
  },
  cancel: (id) => background.cancel(id),
}
const tasks: LedgerTasks =
  data === 'postgres'
    ? ledgerTasks({ ...parts, bank: pgBank(address) })
    : ledgerTasks({ ...parts, bank: sqliteBank(address) })

const silent = (): void => undefined
const background = createBackground({
  store: `sqlite:${settings.file}`,
  name: settings.name,
  tasks: tasks.all,
  concurrency: 8,
  lease: settings.lease,
  beat: settings.beat,
  poll: settings.poll,
  grace: settings.grace,
  abandonAfter: '100ms',
  logger: { debug: silent, info: silent, warn: silent, error: silent },
})
story.follow(background)
process.on('message', (told: { readonly point: Point } | { readonly hold: true }) =>
  'point' in told ? points.arm(told.point) : points.hold(),
)
// Who started it is gone: nobody would stop it any more.
process.on('disconnect', () => process.exit(1))
flushCompileCache()
await background.start()

const post = nodeTasks(background, (req: IncomingMessage, res, tasks: BackgroundTasks) => {
  const n = Number(req.url?.slice(1))
  const ids = transfersOf(seed, n, settings).map((planned) => add(tasks, n, planned))
  res.writeHead(201, { 'x-tasks': ids.join() }).end('kept')
})
const http = createServer((req, res) => {
  if (req.method === 'POST') return post(req, res)
  void manage(req).then(
    () => res.writeHead(204).end(),
    () => res.writeHead(503).end(),
  )
})
background.handleSignals({
  close: () => {
    const closed = new Promise((resolve) => http.close(resolve))
    http.closeIdleConnections()
    return closed
  },
})
http.listen(0, '127.0.0.1', () => process.send?.({ port: (http.address() as AddressInfo).port }))

function add(to: BackgroundTasks, n: number, planned: PlannedTransfer): string {
  const { cancelled: _, parallel, id, ...transfer } = planned
  const isHasty = planned.behaviour === 'hangs' || planned.behaviour === 'clings'
  const options = { parallel, ...(id === undefined ? {} : { id }) }
  return to.add(isHasty ? tasks.hasty : tasks.transfer, { n, ...transfer }, options).id
}

async function manage({ method, url = '/' }: IncomingMessage): Promise<void> {
  if (method === 'DELETE') return void (await background.cancel(url.slice(1)))
  const { tasks } = await background.list({ state: 'quarantined' }, { limit: 1_000 })
  for (const { id } of tasks) await background.requeue(id)
}
