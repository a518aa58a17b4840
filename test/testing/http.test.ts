/** A lab under real applications: requests by injection and over a socket, and what clients see of a crash. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import fastify, { type FastifyInstance } from 'fastify'
import { fastifyTasks } from '../../src/adapters/fastify.ts'
import { nodeTasks } from '../../src/adapters/node.ts'
import { type Background, defineTask } from '../../src/index.ts'
import { testBackground } from '../../src/testing/index.ts'
import { gate, later } from '../support/bench.ts'

const mails: string[] = []
const sendWelcome = defineTask({
  name: 'send-welcome',
  run: (user: { readonly userId: string }) => void mails.push(user.userId),
})
const tasks = [sendWelcome]
const signUp = { method: 'POST', url: '/signup', payload: { userId: '42' } } as const

async function buildApp(background: Background): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(fastifyTasks, { background })
  app.post<{ Body: { userId: string } }>('/signup', (request, reply) => {
    request.tasks.add(sendWelcome, { userId: request.body.userId })
    return reply.code(request.body.userId === '' ? 422 : 201).send({ ok: true })
  })
  return app
}

describe('an application on Fastify', () => {
  test('is tested without a server and without a file', async () => {
    await using lab = await testBackground({ tasks }, buildApp)
    const answer = await lab.app.inject(signUp)
    assert.deepEqual([answer.statusCode, lab.added().length, mails.splice(0)], [201, 1, []])
    lab.expectAdded(sendWelcome, { userId: '42' })
    await lab.run()
    assert.deepEqual(mails.splice(0), ['42'])
    await lab.app.close()
  })

  test('adds nothing with an answer that keeps nothing', async () => {
    await using lab = await testBackground({ tasks }, buildApp)
    assert.equal((await lab.app.inject({ ...signUp, payload: { userId: '' } })).statusCode, 422)
    lab.expectNotAdded(sendWelcome)
  })

  test('runs tasks after the answer in auto mode', async () => {
    await using lab = await testBackground({ tasks, run: 'auto' }, buildApp)
    await lab.app.inject(signUp)
    await lab.run()
    assert.deepEqual(mails.splice(0), ['42'])
  })

  test('whose process dies before the commit answers nobody, and the next one knows of nothing', async () => {
    await using lab = await testBackground({ tasks }, buildApp)
    const { app } = lab
    const answers: unknown[] = []
    const during = (): Promise<unknown> => app.inject(signUp).then((answer) => answers.push(answer.statusCode))
    await lab.crash({ at: 'before-commit', task: sendWelcome, during })
    lab.expectNotAdded(sendWelcome)
    assert.deepEqual(answers, [])
    await app.close()
    assert.equal((await lab.app.inject(signUp)).statusCode, 201)
    lab.expectAdded(sendWelcome)
  })

  test('closes while an attempt runs', async () => {
    const begun = gate()
    const endless = defineTask({
      name: 'endless',
      run() {
        begun.open()
        return new Promise<never>(() => {})
      },
    })
    await using lab = await testBackground({ tasks: [endless, sendWelcome], run: 'auto' }, buildApp)
    await lab.app.ready()
    await lab.background.add(endless)
    await begun.opened
    await lab.app.close()
    assert.deepEqual(
      lab.added().map(({ state, handBacks }) => [state, handBacks]),
      [['ready', 1]],
    )
  })
})

describe('a server of node:http', () => {
  const listen = async (background: Background): Promise<Server> => {
    const server = createServer(
      nodeTasks(background, (_request, response, list) => {
        list.add(sendWelcome, { userId: '7' })
        response.writeHead(201).end()
      }),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return server
  }

  /** The first line of the answer; empty when the connection broke before. */
  const statusLine = async (server: Server): Promise<string> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    let text = ''
    socket.on('data', (data) => (text += String(data))).on('error', () => {})
    socket.write('POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    await once(socket, 'close')
    return text.split('\r\n')[0] ?? ''
  }

  test('answers when its tasks are stored', async (t) => {
    await using lab = await testBackground({ tasks }, listen)
    later(t).defer(() => void lab.app.close())
    assert.equal(await statusLine(lab.app), 'HTTP/1.1 201 Created')
    lab.expectAdded(sendWelcome, { userId: '7' })
  })

  for (const [at, kept] of [
    ['before-commit', 0],
    ['after-commit', 1],
  ] as const) {
    test(`whose process dies ${at} breaks the connection`, async (t) => {
      await using lab = await testBackground({ tasks }, listen)
      const dead = lab.app
      const heard = Promise.withResolvers<string>()
      await lab.crash({ at, during: () => statusLine(dead).then(heard.resolve) })
      later(t).defer(() => {
        dead.close()
        lab.app.close()
      })
      assert.deepEqual([await heard.promise, lab.added().length], ['', kept])
      assert.equal(await statusLine(dead), '')
    })
  }
})
