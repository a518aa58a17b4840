/**
 * Whether a worker gets slower by what waits and by what was. Stores with little and much in them take turns: a worker starts,
 * runs the first tasks that wait, and stops; the time counts from the first start to the last. The stores are filled through
 * the store port in batches of 10,000, for the fill is not what is measured.
 */
import { copyFileSync } from 'node:fs'
import { createBackground, defineTask } from 'afterword'
import { tasksFile } from './afterword.ts'
import { Field, OURS } from './contenders.ts'
import { fillStore, type FillOptions } from './fill.ts'
import { type TaskInput, taskInput } from './peer.ts'
import type { Figure, Report } from './report.ts'
import type { BenchSettings } from './settings.ts'
import { median, ratios, turn } from './statistics.ts'
import { Tally } from './tally.ts'
import { cpuMicros } from './usage.ts'

const [FEW, MANY] = [10_000, 1_000_000]
const YEAR_MS = 365 * 24 * 3_600_000

/** How fast the first tasks of a store ran, and what that cost. */
interface Slice {
  readonly perSecond: number
  readonly cpuMicrosPerTask: number
}

/** One store and the rate at which its first tasks ran, round by round. */
interface Stock {
  readonly name: string
  readonly file: string
  readonly tally: Tally
  readonly slices: Slice[]
}

/** The benchmark. A slice runs as many tasks as the rate of 20,000 a second would in `seconds`, at most 8,000. */
export async function benchBacklog(settings: BenchSettings): Promise<Report> {
  const field = await Field.open({ peers: false })
  const wrong: string[] = []
  const window = Math.max(500, Math.min(8_000, Math.round(settings.seconds * 20_000)))
  const many = settings.seconds < 0.2 ? MANY / 20 : MANY
  try {
    const stocks = await fillStocks(field, many)
    const filled = stocks.map(({ tally }) => tally.added)
    for (let round = -1; round < settings.rounds; round++) {
      for (const stock of turn(stocks, round + 1)) {
        const slice = await runFirst(stock, window)
        if (round >= 0) stock.slices.push(slice)
        // The level is kept, so that every round finds as much as the one before.
        await fill(stock, window)
      }
    }
    for (const [index, { name, tally }] of stocks.entries()) {
      if (tally.doubled > 0) wrong.push(`${name}: ${tally.doubled} tasks ran twice`)
      if (tally.ran < window * (settings.rounds + 1)) wrong.push(`${name}: only ${tally.ran} of its tasks ran`)
      if (tally.added < filled[index]!) wrong.push(`${name}: tasks vanished`)
    }
    const [few, much, scheduled, history] = stocks as [Stock, Stock, Stock, Stock]
    const figures = (key: string, says: string, { slices }: Stock): Figure[] => [
      { key, says, rounds: ratios(slices.map(rateOf), few.slices.map(rateOf)) },
      { key: `${key}.cpu`, says: `${says}, by CPU time`, rounds: ratios(few.slices.map(cpuOf), slices.map(cpuOf)) },
    ]
    return {
      bench: 'backlog',
      figures: [
        ...figures('backlog.million_vs_ten_thousand', 'a million waiting to ten thousand', much),
        ...figures('backlog.scheduled_vs_ten_thousand', 'and a million due next year', scheduled),
        ...figures('backlog.history_vs_ten_thousand', 'and a million finished', history),
      ],
      tables: [
        {
          title: `The first ${window} tasks of a store, medians`,
          rows: stocks.map(({ name, slices }) => ({
            store: name,
            'tasks/s': Math.round(median(slices.map(rateOf))),
            'CPU µs/task': Number(median(slices.map(cpuOf)).toFixed(1)),
          })),
        },
      ],
      skipped: [],
      wrong,
      doubts: [],
    }
  } finally {
    await field.close()
  }
}

async function fillStocks(field: Field, many: number): Promise<Stock[]> {
  const make = async (name: string): Promise<Stock> => ({
    name,
    file: tasksFile(await field.place(OURS.power)),
    tally: new Tally(),
    slices: [],
  })
  const [few, much] = [await make(`${FEW} waiting`), await make(`${many} waiting`)]
  const scheduled = await make(`${many} waiting, ${many} due next year`)
  const history = await make(`${many} waiting, ${many} finished`)
  await fill(few, FEW)
  await fill(much, many)
  for (const stock of [scheduled, history]) {
    // Nobody has it open, so the file is the whole store.
    copyFileSync(much.file, stock.file)
    stock.tally.expect(many)
  }
  await fillBeside(scheduled, many, { dueAt: Date.now() + YEAR_MS })
  await fillBeside(history, many, { finished: true })
  return [few, much, scheduled, history]
}

async function fill({ file, tally }: Stock, count: number): Promise<void> {
  const first = tally.added + 1
  tally.expect(count)
  await fillStore(
    file,
    Array.from({ length: count }, (_, index) => taskInput(first + index)),
  )
}

/** Tasks that never run here need no numbers. */
async function fillBeside({ file }: Stock, count: number, options: FillOptions): Promise<void> {
  await fillStore(
    file,
    Array.from({ length: count }, () => taskInput(0)),
    options,
  )
}

/** Tasks a second from the first start to that of the last of the window. */
async function runFirst({ file, tally }: Stock, window: number): Promise<Slice> {
  const until = Promise.withResolvers<void>()
  let started = 0
  let [firstMs, lastMs, firstCpu, lastCpu] = [0, 0, 0, 0]
  const sendWelcome = defineTask({
    name: 'send-welcome',
    run: async (input: TaskInput) => {
      tally.run(input)
      if (++started === 1) [firstMs, firstCpu] = [performance.now(), cpuMicros()]
      if (started !== window) return
      ;[lastMs, lastCpu] = [performance.now(), cpuMicros()]
      until.resolve()
    },
  })
  const background = createBackground({ store: `sqlite:${file}`, tasks: [sendWelcome] })
  await background.start()
  await until.promise
  await background.stop()
  return {
    perSecond: (window - 1) / ((lastMs - firstMs) / 1000),
    cpuMicrosPerTask: (lastCpu - firstCpu) / (window - 1),
  }
}

const rateOf = ({ perSecond }: Slice): number => perSecond
const cpuOf = ({ cpuMicrosPerTask }: Slice): number => cpuMicrosPerTask
