/** What a user's tests look like under vitest; `vitest.test.ts` runs them. */
import { defineTask } from 'afterword'
import { fastifyTasks } from 'afterword/fastify'
import { testBackground } from 'afterword/testing'
import fastify from 'fastify'
import { afterEach, describe, expect, test, vi } from 'vitest'

const mails: string[] = []
const sendWelcome = defineTask({
  name: 'send-welcome',
  retry: { attempts: 3, base: '1s' },
  run({ userId }: { readonly userId: string }) {
    if (userId === 'bounces') throw new RangeError('mailbox full')
    mails.push(userId)
  },
})

const makeLab = () =>
  testBackground({ tasks: [sendWelcome] }, async (background) => {
    const app = fastify()
    await app.register(fastifyTasks, { background })
    app.post<{ Body: { userId: string } }>('/signup', (request, reply) => {
      request.tasks.add(sendWelcome, { userId: request.body.userId })
      return reply.code(201).send({})
    })
    return app
  })

const signUp = (userId: string) => ({ method: 'POST', url: '/signup', payload: { userId } }) as const

afterEach(() => {
  vi.useRealTimers()
  mails.length = 0
})

describe('signing up', () => {
  test('sends a mail after the answer', async () => {
    await using lab = await makeLab()
    expect((await lab.app.inject(signUp('1'))).statusCode).toBe(201)
    expect(lab.added(sendWelcome)).toMatchObject([{ input: { userId: '1' }, state: 'ready' }])
    expect(mails).toEqual([])
    await lab.run()
    expect(mails).toEqual(['1'])
  })

  test('shows what failed', async () => {
    await using lab = await makeLab()
    await lab.app.inject(signUp('bounces'))
    await expect(lab.run()).rejects.toThrow('RangeError: mailbox full')
    expect(await lab.run('999ms')).toEqual([])
    await lab.advance(1)
    expect(await lab.step()).toMatchObject({ attempt: 2, error: new RangeError('mailbox full'), retryInMs: 2_000 })
  })

  test('survives a crash', async () => {
    await using lab = await makeLab()
    await lab.app.inject(signUp('1'))
    await lab.crash({ at: 'after-run', task: sendWelcome })
    await lab.run()
    expect(mails).toEqual(['1', '1'])
  })

  test('goes on under fake timers', async () => {
    vi.useFakeTimers({ now: new Date('2030-01-01T00:00Z') })
    await using lab = await testBackground({ tasks: [sendWelcome] })
    await lab.respond(201, (tasks) => tasks.add(sendWelcome, { userId: '1' }))
    await lab.background.add(sendWelcome, { userId: '2' }, { runAt: Date.now() + 60_000 })
    await lab.run('1m')
    vi.setSystemTime(lab.now)
    expect([mails, new Date().toISOString()]).toEqual([['1', '2'], '2030-01-01T00:01:00.000Z'])
  })

  test('answers requests while the date is faked', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2030-01-01T00:00Z') })
    await using lab = await makeLab()
    await lab.app.inject(signUp('1'))
    expect(lab.expectAdded(sendWelcome).addedAt).toEqual(new Date('2030-01-01T00:00Z'))
  })

  test.fails('says what was added instead', async () => {
    await using lab = await makeLab()
    await lab.app.inject(signUp('1'))
    lab.expectAdded(sendWelcome, { userId: '2' })
  })
})
