import { Child } from './child.ts'
import type { Variant } from './http-server.ts'
import type { LoadOrder, LoadResult } from './load.ts'
import { type Figure, median, ratios, type Report } from './report.ts'

const CONNECTIONS = 64
const WARM_UP_MS = 1_000
const VARIANTS: readonly Variant[] = ['bare', 'volatile', 'attached', 'process', 'power']

interface Server {
  readonly child: Child
  readonly port: number
  readonly results: LoadResult[]
}

/** What a durable task costs a Fastify endpoint: all variants run side by side and take turns under load. */
export async function benchHttp({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Report> {
  const { child: loader } = await Child.start('./load.ts', [])
  const servers = new Map<Variant, Server>()
  for (const variant of VARIANTS) {
    const { child, ready } = await Child.start<{ port: number }>('./http-server.ts', [variant])
    servers.set(variant, { child, port: ready.port, results: [] })
  }
  const wrong: string[] = []
  for (let round = -1; round < rounds; round++) {
    // The order turns, so that none always runs behind the same neighbour.
    for (let i = 0; i < VARIANTS.length; i++) {
      const variant = VARIANTS[(i + round + 1) % VARIANTS.length]!
      const server = servers.get(variant)!
      const order: LoadOrder = {
        port: server.port,
        connections: CONNECTIONS,
        ms: round < 0 ? WARM_UP_MS : seconds * 1000,
      }
      const result = await loader.ask<LoadResult>(order)
      const { added, ran } = await server.child.ask<{ added: number; ran: number }>({})
      if (round >= 0) server.results.push(result)
      if (result.failed > 0) wrong.push(`${variant}: ${result.failed} requests failed`)
      if (added !== ran) wrong.push(`${variant}: ${added} tasks acknowledged, ${ran} ran`)
    }
  }
  for (const { child } of [...servers.values(), { child: loader }]) await child.stop()
  return { name: 'http', figures: figures(servers), table: table(servers), wrong }
}

function figures(servers: ReadonlyMap<Variant, Server>): Figure[] {
  const rate = (variant: Variant): number[] => servers.get(variant)!.results.map((result) => result.perSecond)
  const figure = (
    key: string,
    says: string,
    above: Variant,
    below: Variant,
    atLeast: number,
    goal: number,
  ): Figure => ({
    key,
    says,
    rounds: ratios(rate(above), rate(below)),
    atLeast,
    goal,
  })
  return [
    figure('http.durable_vs_none', 'one durable task, power, to none', 'power', 'bare', 0.55, 0.75),
    figure('http.durable_vs_volatile', 'one durable task, power, to one setImmediate', 'power', 'volatile', 0.6, 0.85),
    figure('http.attached_vs_bare', 'no task, library attached, to no library', 'attached', 'bare', 0.95, 0.99),
    figure('http.durable_process_vs_none', 'one durable task, process, to none', 'process', 'bare', 0.55, 0.75),
  ]
}

function table(servers: ReadonlyMap<Variant, Server>): Report['table'] {
  return [...servers].map(([variant, { results }]) => ({
    variant,
    'requests/s': Math.round(median(results.map((result) => result.perSecond))),
    'p50 ms': round2(median(results.map((result) => result.p50Ms))),
    'p99 ms': round2(median(results.map((result) => result.p99Ms))),
  }))
}

function round2(value: number): number {
  return Math.round(value * 100) / 100
}
