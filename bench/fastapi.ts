import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { atExit } from './at-exit.ts'
import type { ServerAccount } from './http-server.ts'
import { wait } from './peer.ts'
import { freePort } from './servers.ts'

const PYTHON = '/usr/bin/python3'
const FOLDER = fileURLToPath(new URL('./fastapi', import.meta.url))
/** What `/proc` counts in. */
const TICKS_PER_SECOND = 100

/** What Python says of itself: versions, and whether the fast event loop and parser are there; or why it cannot run. */
export function findFastApi(): { readonly version: string } | { readonly reason: string } {
  const script = `
import importlib.util as u, fastapi, uvicorn
has = lambda name, other: name if u.find_spec(name) else other
print(f"{fastapi.__version__} on uvicorn {uvicorn.__version__}, {has('uvloop', 'asyncio')}, {has('httptools', 'h11')}")`
  const { status, stdout, error } = spawnSync(PYTHON, ['-c', script], { encoding: 'utf8' })
  if (error !== undefined) return { reason: `no ${PYTHON}` }
  if (status !== 0) return { reason: `${PYTHON} has no fastapi and uvicorn (python3-fastapi, python3-uvicorn)` }
  return { version: stdout.trim() }
}

/** FastAPI on uvicorn, one process. */
export class FastApi {
  readonly port: number
  readonly #process: ChildProcess

  private constructor(port: number, process: ChildProcess) {
    this.port = port
    this.#process = process
  }

  /** Starts it and waits until it answers. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<FastApi> {
    const port = await freePort()
    const args = ['-m', 'uvicorn', 'app:app', '--port', String(port), '--no-access-log', '--log-level', 'warning']
    const stdio = ['ignore', 'ignore', 'inherit'] as const
    const child = spawn(PYTHON, args, { cwd: FOLDER, stdio: [...stdio], env: { ...process.env, ...env } })
    child.once(
      'exit',
      atExit(() => child.kill('SIGKILL')),
    )
    const server = new FastApi(port, child)
    for (let looks = 0; looks < 200 && child.exitCode === null; looks++) {
      const isThere = await fetch(`http://127.0.0.1:${port}/account`).then(
        (response) => response.ok,
        () => false,
      )
      if (isThere) return server
      await wait(50)
    }
    await server.kill()
    throw new Error('FastAPI did not start within ten seconds.')
  }

  /** Waits until all tasks have run, and tells what it has used. */
  async settle(): Promise<ServerAccount> {
    let { added, ran } = await this.#account()
    const behind = added - ran
    for (let looks = 0; looks < 1000 && ran < added; looks++) {
      await wait(10)
      ;({ added, ran } = await this.#account())
    }
    return { added, ran, doubled: 0, behind, cpuMicros: cpuMicrosOf(this.#process.pid!) }
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await gone
  }

  async #account(): Promise<{ added: number; ran: number }> {
    const response = await fetch(`http://127.0.0.1:${this.port}/account`, { headers: { connection: 'close' } })
    return (await response.json()) as { added: number; ran: number }
  }
}

/** The CPU time of another process since it started, in microseconds; 0 where there is no `/proc`. */
export function cpuMicrosOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6
  } catch {
    return 0
  }
}
