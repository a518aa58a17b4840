import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import sharp from 'sharp'
import type { Incident, Mail } from '../../examples/demo/messages.ts'
import { Program, root } from '../examples/program.ts'

/** What the server sends to its pages. */
export type News =
  | { readonly type: 'hello'; readonly pid: number; readonly mails: Mail[]; readonly incidents: Incident[] }
  | { readonly type: 'task'; readonly task: { readonly id: string; readonly state: string; readonly attempt: number } }
  | { readonly type: 'mail'; readonly mail: Mail }
  | { readonly type: 'incident'; readonly incident: Incident }

/** A task as the demo shows it. */
export interface ShownTask {
  readonly id: string
  readonly state: string
  readonly attempt: number
  readonly crashes: number
}

/** An answered sign-up. */
export interface Signup {
  readonly photoId: string
  readonly tasks: { readonly id: string; readonly name: string }[]
}

/** A folder of its own, gone after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'afterword-demo-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Starts the demo, without waiting for it. */
export function demo(t: TestContext, env: Record<string, string>): Program {
  return new Program(t, 'examples/demo/main.ts', { cwd: root, env: { HOST: '127.0.0.1', ...env } })
}

/** The demo on a free port, with a data folder of its own. */
export class Demo {
  readonly program: Program
  readonly url: string
  readonly dataDir: string

  private constructor(program: Program, url: string, dataDir: string) {
    this.program = program
    this.url = url
    this.dataDir = dataDir
  }

  static async start(t: TestContext, dataDir = folder(t)): Promise<Demo> {
    const program = demo(t, { PORT: '0', DATA_DIR: dataDir })
    const line = await program.line(/^listening on/)
    return new Demo(program, line.replace('listening on ', ''), dataDir)
  }

  signUp(fields: { name?: string; email?: string; photo?: Blob }): Promise<Response> {
    const form = new FormData()
    form.set('name', fields.name ?? 'Ada Lovelace')
    form.set('email', fields.email ?? 'ada@example.com')
    if (fields.photo !== undefined) form.set('photo', fields.photo, 'photo.jpg')
    return fetch(`${this.url}/signup`, { method: 'POST', body: form })
  }

  /** What the store says of these tasks. */
  async states(ids: readonly string[]): Promise<ShownTask[]> {
    const answer = await fetch(`${this.url}/tasks/states`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids }),
    })
    return ((await answer.json()) as { tasks: ShownTask[] }).tasks
  }

  press(button: 'kill' | 'restart' | 'refuse'): Promise<Response> {
    return fetch(`${this.url}/trouble/${button}`, { method: 'POST' })
  }

  /** The news of the server as a page hears them, until the loop over them ends. */
  async *news(): AsyncGenerator<News> {
    const controller = new AbortController()
    const answer = await fetch(`${this.url}/events`, { signal: controller.signal })
    const reader = answer.body?.getReader()
    const decoder = new TextDecoder()
    let text = ''
    try {
      for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
        text += decoder.decode(read.value, { stream: true })
        const parts = text.split('\n\n')
        text = parts.pop() ?? ''
        for (const part of parts) yield JSON.parse(part.slice(part.indexOf('data: ') + 6)) as News
      }
    } finally {
      controller.abort()
    }
  }

  /** Looks at the tasks again with each piece of news, until all of them have succeeded; resolves to them as they are then. */
  async finished(ids: readonly string[]): Promise<ShownTask[]> {
    for await (const _ of this.news()) {
      const states = await this.states(ids)
      if (states.every(({ state }) => state === 'succeeded')) return states
    }
    throw new Error('The stream of news ended before all tasks had succeeded.')
  }

  /** The mails in the mailbox. */
  async mails(): Promise<Mail[]> {
    for await (const news of this.news()) if (news.type === 'hello') return news.mails
    return []
  }
}

/** A photograph of one colour, 1200 x 900. */
export async function photograph(): Promise<Blob> {
  const image = sharp({ create: { width: 1200, height: 900, channels: 3, background: 'teal' } })
  return new Blob([new Uint8Array(await image.jpeg().toBuffer())], { type: 'image/jpeg' })
}
