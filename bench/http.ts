/**
 * What a durable task costs an HTTP endpoint. Every variant is a process of its own, all alive side by side and put under
 * load in short slices that take turns, so that what else the machine does hits all of them alike. Beside the rates stands
 * the CPU time of the server for each request, which the machine's noise hardly touches.
 */
import { Child } from './child.ts'
import { Field, LEFT_OUT, OURS, PEERS, type Skipped } from './contenders.ts'
import { FastApi, findFastApi } from './fastapi.ts'
import { benchBystander } from './http-bystander.ts'
import { benchKill } from './http-kill.ts'
import type { ServerAccount, ServerSettings } from './http-server.ts'
import type { GroupResult, LoadOrder, LoadResult } from './load.ts'
import type { Place } from './peer.ts'
import type { Chart, Contender, Figure, Report, Row } from './report.ts'
import { type BenchSettings, warmUpsOf } from './settings.ts'
import { median, ratios, summary, turn } from './statistics.ts'
import { FULL_NAMES, VARIANT_NAMES } from './variants.ts'

/** Keep-alive connections, one request under way on each. */
export const CONNECTIONS = 64
/** The share of one core from which on the load generator may be the slower side. */
const BUSY_MAX = 0.93

/**
 * So many processes of each variant of ours are measured, one after another. Two processes of the very same program differ
 * by up to a sixth for as long as they live, whatever their code: a ratio of two processes alone is not one of two programs.
 */
const STARTS = 3

/** What one slice measured. */
interface Slice {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMicrosPerRequest: number
  readonly behind: number
  readonly generatorBusy: number
}

/** A process that serves. */
interface Server {
  readonly port: number
  settle(): Promise<ServerAccount>
  pause(): void
  resume(): void
  stop(): Promise<void>
  last: ServerAccount
}

/** A server under load, and what it showed. */
interface Variant extends Server {
  readonly name: string
  readonly slices: Slice[]
  /** Goes on in a new process, on the same store. */
  restart(): Promise<void>
}

/** The benchmark. */
export async function benchHttp(settings: BenchSettings): Promise<Report> {
  const field = await Field.open(settings)
  const wrong: string[] = []
  const skipped: Skipped[] = []
  const variants: Variant[] = []
  const amongPeers: Slice[] = []
  const { child: generator } = await Child.start('./load.ts', [])
  try {
    const ours = await startOurs(field, variants)
    const peers = settings.peers ? await startPeers(field, variants, skipped) : []
    if (!settings.peers) skipped.push({ what: 'FastAPI', reason: LEFT_OUT })
    for (const peer of peers) peer.pause()
    // The peers' ring has slices of ours among its own, so that their ratios too are of neighbours.
    const power = ours.find(({ name }) => name === VARIANT_NAMES.power)!
    const peersRing = peers.length === 0 ? [] : [{ ...turnOf(power), slices: amongPeers }, ...peers.map(turnOf)]
    const warmUps = warmUpsOf(settings)
    const roundsOfStart = Math.ceil(settings.rounds / STARTS)
    for (let round = -warmUps; round < settings.rounds; round++) {
      if (round > 0 && round % roundsOfStart === 0) await startAgain(ours, warmUps, generator, settings, wrong)
      const withPeers = round < 0 || round % settings.peersEvery === 0
      for (const { variant, slices } of [
        ...turn(ours.map(turnOf), round + warmUps),
        ...(withPeers ? turn(peersRing, round + warmUps) : []),
      ]) {
        const measured = await slice(variant, generator, settings, wrong)
        if (round >= 0) slices.push(measured)
      }
    }
    for (const variant of variants) await variant.stop()
    const contenders = [...(await contendersOf(field)), ...fastApiContender(peers)]
    const [rows, figures, doubts] = [table(variants), figuresOf(variants, amongPeers), doubtsOf(variants, contenders)]
    const kill = await benchKill(field, settings, generator)
    const bystander = await benchBystander(field, settings, generator)
    return {
      bench: 'http',
      figures: [...figures, ...bystander.figures],
      tables: [
        { title: `64 connections, medians over the rounds`, rows },
        { title: 'SIGKILL in mid load, every task takes 10 ms', rows: kill.rows },
        ...bystander.tables,
      ],
      charts: [chartOf(variants, settings)],
      contenders,
      skipped: [...field.skipped.filter(({ what }) => !what.startsWith('floor')), ...skipped, ...bystander.skipped],
      wrong: [...wrong, ...kill.wrong, ...bystander.wrong],
      doubts,
    }
  } finally {
    for (const variant of variants) await variant.stop()
    await generator.stop()
    await field.close()
  }
}

/** Ours in processes of their own once more, warm as the first ones were. */
async function startAgain(
  ours: readonly Variant[],
  warmUps: number,
  generator: Child,
  settings: BenchSettings,
  wrong: string[],
): Promise<void> {
  for (const variant of ours) await variant.restart()
  for (let round = 0; round < warmUps; round++) {
    for (const { variant } of turn(ours.map(turnOf), round)) await slice(variant, generator, settings, wrong)
  }
}

/** A turn of a variant, and where its slices are kept. */
interface Turn {
  readonly variant: Variant
  readonly slices: Slice[]
}

function turnOf(variant: Variant): Turn {
  return { variant, slices: variant.slices }
}

/** On the ring of turns those stand side by side that are compared. The control is `bare` once more. */
const RING = ['control', 'attached', 'bare', 'power', 'volatile', 'process'] as const

async function startOurs(field: Field, variants: Variant[]): Promise<Variant[]> {
  const start = async (name: (typeof RING)[number]): Promise<Variant> => {
    const kind = name === 'control' ? 'bare' : name
    return startServer({ kind, place: await field.place(OURS.power) }, VARIANT_NAMES[name])
  }
  variants.push(...(await Promise.all(RING.map(start))))
  return variants.slice()
}

async function startPeers(field: Field, variants: Variant[], skipped: Skipped[]): Promise<Variant[]> {
  const peers: Variant[] = []
  await field.each(PEERS, async (driver) => {
    const place = await field.place(driver)
    peers.push(await startServer({ kind: 'peer', driver: driver.name, place }, driver.name))
    variants.push(peers.at(-1)!)
  })
  const found = findFastApi()
  if ('reason' in found) {
    skipped.push({ what: 'FastAPI', reason: found.reason })
    return peers
  }
  const server = await FastApi.start()
  peers.push({
    name: FASTAPI,
    port: server.port,
    slices: [],
    last: await server.settle(),
    settle: () => server.settle(),
    pause: () => undefined,
    resume: () => undefined,
    stop: () => server.kill(),
    restart: () => Promise.resolve(),
  })
  variants.push(peers.at(-1)!)
  return peers
}

const FASTAPI = 'FastAPI'

/** Starts a server of ours or of a peer. */
async function startServer(settings: ServerSettings & { readonly place: Place }, name: string): Promise<Variant> {
  const variant: Variant = {
    name,
    slices: [],
    ...(await launch(settings)),
    async restart() {
      await variant.stop()
      Object.assign(variant, await launch(settings))
    },
  }
  return variant
}

async function launch(settings: ServerSettings): Promise<Server> {
  const { child, ready } = await Child.start<{ port: number }>('./http-server.ts', [JSON.stringify(settings)])
  const settle = (): Promise<ServerAccount> => child.ask({ ask: 'settle' })
  return {
    port: ready.port,
    settle,
    last: await settle(),
    pause: () => child.pause(),
    resume: () => child.resume(),
    stop: () => child.stop(),
  }
}

async function slice(variant: Variant, generator: Child, settings: BenchSettings, wrong: string[]): Promise<Slice> {
  const { name, port, last } = variant
  variant.resume()
  const ms = settings.seconds * 1000
  const order: LoadOrder = { port, ms, settleMs: ms / 8, groups: [{ path: '/', connections: CONNECTIONS }] }
  const { groups, busy } = await generator.ask<LoadResult>(order)
  const { answered, failed, perSecond, p50Ms, p99Ms } = groups[0] as GroupResult
  const account = await variant.settle()
  if (isPeer(variant)) variant.pause()
  variant.last = account
  const added = account.added - last.added
  if (failed > 0) wrong.push(`${name}: ${failed} requests failed`)
  if (account.ran !== account.added) wrong.push(`${name}: ${account.added} tasks acknowledged, ${account.ran} ran`)
  if (account.doubled > last.doubled) wrong.push(`${name}: ${account.doubled - last.doubled} tasks ran twice`)
  if (account.added > 0 && added !== answered) wrong.push(`${name}: ${answered} answers for ${added} tasks`)
  const cpuMicrosPerRequest = (account.cpuMicros - last.cpuMicros) / answered
  const { behind } = account
  return { perSecond, p50Ms, p99Ms, cpuMicrosPerRequest, behind, generatorBusy: busy }
}

/** Peers that look for work all the time are held while others are measured; nobody of ours and no FastAPI does. */
function isPeer({ name }: Variant): boolean {
  return PEERS.some((driver) => driver.name === name)
}

function figuresOf(variants: readonly Variant[], amongPeers: readonly Slice[]): Figure[] {
  const of = (name: string): readonly Slice[] => variants.find((variant) => variant.name === name)!.slices
  const pair = (key: string, says: string, above: readonly Slice[], under: readonly Slice[]): Figure[] => [
    { key, says, rounds: ratios(above.map(rateOf), under.map(rateOf)) },
    // Turned around, so that it reads like the rate: what costs half the CPU is twice as good.
    { key: `${key}.cpu`, says: `${says}, by CPU time`, rounds: ratios(under.map(cpuOf), above.map(cpuOf)) },
  ]
  const power = of(VARIANT_NAMES.power)
  const bare = of(VARIANT_NAMES.bare)
  const peers = variants.filter(isPeer)
  const best = peers.toSorted((a, b) => median(b.slices.map(rateOf)) - median(a.slices.map(rateOf)))[0]
  const hasFastApi = variants.some(({ name }) => name === FASTAPI)
  return [
    ...pair('http.durable_vs_none', 'one durable task to none', power, bare),
    ...pair('http.durable_vs_volatile', 'one durable task to one setImmediate', power, of(VARIANT_NAMES.volatile)),
    ...pair('http.attached_vs_bare', 'no task, attached to no library', of(VARIANT_NAMES.attached), bare),
    ...pair('http.control', 'two servers alike: what noise alone makes of a ratio', of(VARIANT_NAMES.control), bare),
    ...pair('http.durable_process_vs_none', 'one durable task, `process`, to none', of(VARIANT_NAMES.process), bare),
    ...(best === undefined
      ? []
      : pair('http.vs_best_peer', `one durable task to ${best.name}`, amongPeers, best.slices)),
    ...(hasFastApi ? pair('http.vs_fastapi', 'one durable task to FastAPI', amongPeers, of(FASTAPI)) : []),
  ]
}

const rateOf = ({ perSecond }: Slice): number => perSecond
const cpuOf = ({ cpuMicrosPerRequest }: Slice): number => cpuMicrosPerRequest

function table(variants: readonly Variant[]): Row[] {
  return variants.map(({ name, slices }) => {
    const middle = (of: (slice: Slice) => number, digits: number): number =>
      Number(median(slices.map(of)).toFixed(digits))
    return {
      variant: name,
      'requests/s': middle(rateOf, 0),
      'p50 ms': middle(({ p50Ms }) => p50Ms, 2),
      'p99 ms': middle(({ p99Ms }) => p99Ms, 2),
      'CPU µs/request': middle(cpuOf, 1),
      'tasks behind': middle(({ behind }) => behind, 0),
    }
  })
}

function doubtsOf(variants: readonly Variant[], contenders: readonly Contender[]): string[] {
  const busy = variants
    .map(({ name, slices }) => ({ name, busy: median(slices.map(({ generatorBusy }) => generatorBusy)) }))
    .filter(({ busy }) => busy > BUSY_MAX)
    .map(({ name, busy }) => `${name}: the load generator was busy for ${Math.round(busy * 100)} % of the time`)
  const isSlow = contenders.some(({ name, version }) => name === FASTAPI && !/uvloop, httptools/.test(version))
  return isSlow
    ? [...busy, 'FastAPI ran without uvloop or httptools; with both a request costs it less than half the CPU']
    : busy
}

/** Requests a second, each relative to the endpoint without the library in the same round. */
function chartOf(variants: readonly Variant[], { peersEvery }: BenchSettings): Chart {
  const bare = variants.find(({ name }) => name === VARIANT_NAMES.bare)!.slices.map(rateOf)
  const beside = bare.filter((_, round) => round % peersEvery === 0)
  return {
    title: 'Requests a second of one endpoint, relative to the same without Afterword',
    bars: variants
      .filter(({ name }) => name !== VARIANT_NAMES.bare)
      .map((variant) => {
        const isBeside = isPeer(variant) || variant.name === FASTAPI
        const rounds = ratios(variant.slices.map(rateOf), isBeside ? beside : bare)
        const isOurs = variant.name.startsWith('afterword')
        return { label: FULL_NAMES[variant.name] ?? variant.name, isOurs, ...summary(rounds) }
      }),
  }
}

async function contendersOf(field: Field): Promise<Contender[]> {
  return (await field.contenders()).filter(({ name }) => PEERS.some((driver) => driver.name === name))
}

function fastApiContender(peers: readonly Variant[]): Contender[] {
  const found = findFastApi()
  if ('reason' in found || !peers.some(({ name }) => name === FASTAPI)) return []
  const says = 'one process, one `BackgroundTasks` task in memory'
  return [{ name: FASTAPI, version: found.version, survives: 'nothing', says }]
}
