/** The demo behind `npm start`, as a client sees it: started as a process, used over HTTP, killed for real. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import sharp from 'sharp'
import { root } from '../examples/program.ts'
import { Demo, demo, folder, photograph, type Signup } from './demo.ts'

describe('a sign-up', () => {
  it('is answered with the ids of its tasks, which then make the thumbnails and send the mail', async (t) => {
    const app = await Demo.start(t)
    const answer = await app.signUp({ name: 'Jürgen <b>', email: 'j@example.com', photo: await photograph() })
    assert.equal(answer.status, 201)
    const { photoId, tasks } = (await answer.json()) as Signup
    assert.deepEqual(
      tasks.map(({ name }) => name),
      ['make-thumbnails', 'send-welcome'],
    )
    await app.finished(tasks.map(({ id }) => id))

    for (const [width, height] of [
      [96, 96],
      [320, 240],
      [640, 480],
    ] as const) {
      const image = await fetch(`${app.url}/thumbnails/${photoId}-${width}.webp`)
      const { format, ...size } = await sharp(await image.bytes()).metadata()
      assert.deepEqual({ format, width: size.width, height: size.height }, { format: 'webp', width, height })
    }
    const [mail] = await app.mails()
    assert.deepEqual(
      { ...mail, text: mail?.text.split('\n')[0], deliveredAt: mail?.deliveredAt.length },
      {
        messageId: `<${tasks[1]?.id}@afterword.example>`,
        to: 'j@example.com',
        subject: 'Welcome, Jürgen <b>',
        text: 'Hello Jürgen <b>,',
        deliveredAt: 1,
      },
    )
  })

  it('is tried again when the mail server turns its mail away', async (t) => {
    const app = await Demo.start(t)
    await app.press('refuse')
    const { tasks } = (await (await app.signUp({})).json()) as Signup
    const [task] = await app.finished(tasks.map(({ id }) => id))
    assert.equal(task?.attempt, 3)
    assert.equal((await app.mails()).length, 1)
  })

  it('is refused in plain words when its form is wrong', async (t) => {
    const app = await Demo.start(t)
    const said = async (answer: Response): Promise<[number, string]> => [
      answer.status,
      ((await answer.json()) as { message: string }).message,
    ]
    assert.deepEqual(await said(await app.signUp({ email: 'ada' })), [400, 'That is not an e-mail address.'])
    assert.deepEqual(await said(await app.signUp({ name: ' ' })), [400, 'Please tell me your name.'])
    const text = new Blob(['hello'], { type: 'image/jpeg' })
    assert.equal((await app.signUp({ photo: text })).status, 415)
    const drawing = new Blob(['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'])
    assert.equal((await app.signUp({ photo: drawing })).status, 415)
    const large = new Blob([new Uint8Array(8 * 1024 * 1024 + 1)])
    assert.deepEqual(await said(await app.signUp({ photo: large })), [413, 'That photograph is larger than 8 MB.'])
    assert.equal((await fetch(`${app.url}/signup`, { method: 'POST', body: 'name=Ada' })).status, 406)
  })
})

describe('when the web server is killed with tasks pending', () => {
  it('another takes its place, and every acknowledged task is finished', async (t) => {
    const app = await Demo.start(t)
    const photo = await photograph()
    const ids: string[] = []
    for (let i = 0; i < 12; i++) {
      const answer = await app.signUp({ name: `Guest ${i}`, email: `guest${i}@example.com`, photo })
      assert.equal(answer.status, 201)
      ids.push(...((await answer.json()) as Signup).tasks.map(({ id }) => id))
    }
    assert.equal((await app.press('kill')).status, 202)
    const killed = await app.program.line(/^kill -9/)
    assert.match(killed, /^kill -9 \d+, while (\d+ tasks are|1 task is) not finished$/)
    await app.program.line(/is gone \(SIGKILL\), starting another$/)
    await app.program.line(/^process \d+ answers after/)

    const tasks = await app.finished(ids)
    assert.equal(tasks.length, 24)
    assert.ok(
      tasks.some(({ crashes }) => crashes > 0),
      'None of them was running when the server was killed.',
    )
    const mails = await app.mails()
    assert.equal(mails.length, 12)
    const addresses = new Set(mails.map(({ to }) => to))
    assert.equal(addresses.size, 12)
  })

  it('what happened is told to the pages of the next one', async (t) => {
    const app = await Demo.start(t)
    await app.press('kill')
    await app.program.line(/^process \d+ answers after/)
    for await (const news of app.news()) {
      assert.ok(news.type === 'hello')
      assert.equal(news.incidents.filter(({ isDeath }) => isDeath).length, 1)
      assert.match(app.program.lines.join('\n'), new RegExp(`^process ${news.pid} answers`, 'm'))
      break
    }
  })
})

describe('a deploy', () => {
  it('stops the web server in order and starts another', async (t) => {
    const app = await Demo.start(t)
    const { tasks } = (await (await app.signUp({})).json()) as Signup
    assert.equal((await app.press('restart')).status, 202)
    await app.program.line(/^stopped: \d+ finished, \d+ handed back, 0 abandoned$/)
    await app.program.line(/^process \d+ answers after/)
    const [task] = await app.finished(tasks.map(({ id }) => id))
    assert.deepEqual([task?.attempt, task?.crashes], [1, 0])
  })
})

describe('the whole demo', () => {
  it('prints where it listens, stops on SIGTERM with an account, and finds everything again', async (t) => {
    const first = await Demo.start(t)
    const { tasks } = (await (await first.signUp({})).json()) as Signup
    const ids = tasks.map(({ id }) => id)
    await first.finished(ids)
    first.program.child.kill('SIGTERM')
    assert.deepEqual(await first.program.ended, { code: 0, signal: null })
    assert.match(first.program.lines[0] ?? '', /^listening on http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal(first.program.lines.at(-1), 'stopped: 0 finished, 0 handed back, 0 abandoned')
    assert.deepEqual(first.program.errors, [])

    const second = await Demo.start(t, first.dataDir)
    const [task] = await second.states(ids)
    assert.equal(task?.state, 'succeeded')
    assert.equal((await second.mails()).length, 1)
  })

  it('says in one line that its port is in use, and ends', async (t) => {
    const blocker = createServer().listen(0, '127.0.0.1')
    t.after(() => blocker.close())
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const program = demo(t, { PORT: String(port), DATA_DIR: folder(t) })
    assert.deepEqual(await program.ended, { code: 1, signal: null })
    assert.deepEqual(program.errors, [
      `Port ${port} is in use: stop what uses it, or set PORT to another, as in PORT=3001 npm start.`,
    ])
  })

  it('says in one line that its data folder cannot be written, and ends', async (t) => {
    const file = join(folder(t), 'file')
    writeFileSync(file, '')
    const program = demo(t, { PORT: '0', DATA_DIR: join(file, 'data') })
    assert.deepEqual(await program.ended, { code: 1, signal: null })
    assert.deepEqual(program.errors, [
      `The data folder ${join(file, 'data')} cannot be written (ENOTDIR): set DATA_DIR to one that can.`,
    ])
  })

  it('says in one line that its port is no port, and ends', async (t) => {
    const program = demo(t, { PORT: 'http', DATA_DIR: folder(t) })
    assert.deepEqual(await program.ended, { code: 1, signal: null })
    assert.deepEqual(program.errors, ['PORT must be a number from 0 to 65535, got "http".'])
  })

  it('says in one line that this Node is too old, and ends', async (t) => {
    const older = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '24.0.0' } })"
    const options = `--import=data:text/javascript,${encodeURIComponent(older)}`
    const program = demo(t, { PORT: '0', DATA_DIR: folder(t), NODE_OPTIONS: options })
    assert.deepEqual(await program.ended, { code: 1, signal: null })
    assert.equal(program.errors.length, 1)
    assert.match(program.errors[0] ?? '', /^\[RUNTIME_TOO_OLD\] Node 24\.0\.0 is too old; Afterword needs 24\.15\.0/)
  })
})

describe('the page', () => {
  it('comes with a policy that keeps it to this server, and does nothing for other sites', async (t) => {
    const app = await Demo.start(t)
    const page = await fetch(app.url)
    assert.equal(page.status, 200)
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'self';/)
    const headers = { 'sec-fetch-site': 'cross-site' }
    assert.equal((await fetch(`${app.url}/trouble/kill`, { method: 'POST', headers })).status, 403)
  })

  it('names no other server and makes no markup of data', () => {
    for (const file of globSync('examples/demo/public/*', { cwd: root })) {
      const text = readFileSync(join(root, file), 'utf8').replace('http://www.w3.org/2000/svg', '')
      assert.doesNotMatch(text, /https?:\/\/|innerHTML|insertAdjacentHTML|document\.write/, file)
    }
  })
})
