/** What a test sees of the tasks that were added, and how it asks for them. */
import assert, { AssertionError } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { currentTasks, defineTask, isAfterwordError } from '../../src/index.ts'
import { testBackground } from '../../src/testing/index.ts'

const sendWelcome = defineTask({
  name: 'send-welcome',
  input: z.object({ userId: z.string(), language: z.string().default('en') }),
  run: ({ userId, language }) => `${userId} in ${language}`,
})
const cleanUp = defineTask({ name: 'clean-up', on: 'error', run: () => undefined })
const tasks = [sendWelcome, cleanUp]

function refusalOf(work: () => unknown): AssertionError {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof AssertionError)
    return error
  }
  throw new Error('nothing was thrown')
}

describe('lab.added', () => {
  test('lists the tasks of a definition in the order added, as they were added', async () => {
    await using lab = await testBackground({ tasks })
    await lab.background.add(sendWelcome, { userId: '2' }, { priority: 5 })
    await lab.background.add(cleanUp)
    await lab.background.add(sendWelcome, { userId: '1' }, { queue: 'mail', delay: '1h' })
    const [first, second, ...rest] = lab.added(sendWelcome)
    assert.deepEqual([first?.input.userId, first?.priority, first?.state], ['2', 5, 'ready'])
    assert.deepEqual([second?.input.userId, second?.queue, second?.state], ['1', 'mail', 'scheduled'])
    assert.equal(second?.dueAt?.getTime(), lab.now.getTime() + 3_600_000)
    assert.deepEqual(rest, [])
  })

  test('lists the tasks of all definitions when none is given', async () => {
    await using lab = await testBackground({ tasks })
    await lab.background.add(cleanUp)
    await lab.background.add(sendWelcome, { userId: '1' })
    assert.deepEqual(
      lab.added().map(({ name }) => name),
      ['clean-up', 'send-welcome'],
    )
  })

  test('keeps the order of tasks that were added with ids of their own', async () => {
    await using lab = await testBackground({ tasks, run: 'manual' })
    const ids = ['welcome:9', 'welcome:5', 'welcome:7', 'welcome:1']
    for (const id of ids) await lab.background.add(sendWelcome, { userId: id }, { id })
    await lab.background.add(sendWelcome, { userId: 'last' })
    assert.deepEqual(
      lab
        .added()
        .map(({ id }) => id)
        .slice(0, 4),
      ids,
    )
    const ran: unknown[] = []
    for (let attempt = await lab.step(); attempt !== undefined; attempt = await lab.step()) ran.push(attempt.input)
    assert.deepEqual(
      ran,
      [...ids, 'last'].map((userId) => ({ userId })),
    )
  })

  test('shows a task that was added twice under one id once', async () => {
    await using lab = await testBackground({ tasks })
    for (const _ of [1, 2]) await lab.background.add(sendWelcome, { userId: '1' }, { id: 'welcome:1' })
    assert.equal(lab.added(sendWelcome).length, 1)
  })

  test('shows the state and the result at the moment of the call', async () => {
    await using lab = await testBackground({ tasks })
    await lab.background.add(sendWelcome, { userId: '1' })
    await lab.run()
    const [task] = lab.added(sendWelcome)
    assert.deepEqual([task?.state, task?.result], ['succeeded', '1 in en'])
  })

  test('still shows what retention has removed', async () => {
    await using lab = await testBackground({ tasks, retention: { succeeded: 0, failed: '1h' } })
    await lab.background.add(sendWelcome, { userId: '1' })
    await lab.run()
    assert.equal(await lab.background.get(lab.added()[0]!.id), undefined)
    assert.equal(lab.added(sendWelcome)[0]?.state, 'succeeded')
  })

  test('has the types of the definition', async () => {
    await using lab = await testBackground({ tasks })
    const { id } = await lab.background.add(sendWelcome, { userId: '1' })
    const task = lab.expectAdded(sendWelcome)
    const userId: string = task.input.userId
    const result: string | undefined = task.result
    // @ts-expect-error the input has no such property
    assert.equal(task.input.name, undefined)
    assert.deepEqual([task.id, userId, result], [id, '1', undefined])
  })
})

describe('lab.expectAdded', () => {
  test('gives the task with that input', async () => {
    await using lab = await testBackground({ tasks })
    await lab.background.add(sendWelcome, { userId: '1' })
    const { id } = await lab.background.add(sendWelcome, { userId: '2' })
    assert.equal(lab.expectAdded(sendWelcome, { userId: '2' }).id, id)
  })

  test('says what was added instead', async () => {
    await using lab = await testBackground({ tasks })
    await lab.background.add(sendWelcome, { userId: '1' })
    const error = refusalOf(() => lab.expectAdded(sendWelcome, { userId: '2' }))
    assert.equal(
      error.message,
      `No task "send-welcome" with the input { userId: '2' } was added. Added were 1: { userId: '1' }.`,
    )
    assert.deepEqual([error.actual, error.expected], [{ userId: '1' }, { userId: '2' }])
  })

  test('says that nothing was added', async () => {
    await using lab = await testBackground({ tasks })
    const error = refusalOf(() => lab.expectAdded(cleanUp))
    assert.equal(error.message, 'No task "clean-up" was added. Added were none of that name.')
  })

  test('says that an answer has dropped it', async () => {
    await using lab = await testBackground({ tasks })
    await lab.respond(422, (list) => list.add(sendWelcome, { userId: '1' }))
    const { message } = refusalOf(() => lab.expectAdded(sendWelcome, { userId: '1' }))
    assert.match(message, /1 dropped, by answers with status 422\.$/)
  })

  test('shows the first five of many inputs', async () => {
    await using lab = await testBackground({ tasks })
    for (let i = 0; i < 7; i++) await lab.background.add(sendWelcome, { userId: `${i}` })
    const { message } = refusalOf(() => lab.expectAdded(sendWelcome, { userId: 'x' }))
    assert.match(message, /Added were 7: .*userId: '4' } and 2 more\.$/)
  })
})

describe('lab.expectNotAdded', () => {
  test('passes when there is none', async () => {
    await using lab = await testBackground({ tasks })
    await lab.background.add(sendWelcome, { userId: '1' })
    lab.expectNotAdded(cleanUp)
    lab.expectNotAdded(sendWelcome, { userId: '2' })
  })

  test('says which ones there are', async () => {
    await using lab = await testBackground({ tasks })
    await lab.background.add(sendWelcome, { userId: '1' })
    const error = refusalOf(() => lab.expectNotAdded(sendWelcome))
    assert.equal(error.message, `No task "send-welcome" was to be added. Added were 1: { userId: '1' }.`)
    assert.deepEqual(error.actual, [{ userId: '1' }])
  })
})

describe('lab.respond', () => {
  test('keeps or drops what was added by the status', async () => {
    await using lab = await testBackground({ tasks })
    for (const status of [201, 404]) {
      await lab.respond(status, (list) => {
        list.add(sendWelcome, { userId: `${status}` })
        list.add(cleanUp)
      })
    }
    assert.deepEqual(
      lab.added().map(({ name, input }) => [name, input as unknown]),
      [
        ['send-welcome', { userId: '201' }],
        ['clean-up', undefined],
      ],
    )
  })

  test('gives what the handler returned', async () => {
    await using lab = await testBackground({ tasks })
    const { id } = await lab.respond(201, async (list) => Promise.resolve(list.add(sendWelcome, { userId: '1' })))
    assert.equal(lab.expectAdded(sendWelcome).id, id)
  })

  test('throws what the handler threw, and answers 500', async () => {
    await using lab = await testBackground({ tasks })
    const failing = lab.respond(201, (list) => {
      list.add(sendWelcome, { userId: '1' })
      list.add(cleanUp)
      throw new Error('no such user')
    })
    await assert.rejects(failing, /^Error: no such user$/)
    assert.deepEqual(
      lab.added().map(({ name }) => name),
      ['clean-up'],
    )
  })

  test('lets currentTasks() find the list below the handler', async () => {
    await using lab = await testBackground({ tasks })
    await lab.respond(200, async () => {
      await Promise.resolve()
      currentTasks().add(sendWelcome, { userId: '1' })
    })
    lab.expectAdded(sendWelcome, { userId: '1' })
    assert.throws(
      () => currentTasks(),
      (error) => isAfterwordError(error, 'NO_RESPONSE'),
    )
  })
})
