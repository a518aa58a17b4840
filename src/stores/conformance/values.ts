import assert from 'node:assert/strict'
import type { StoredError, StoredValue } from '../../model/task.ts'
import { test } from './case.ts'
import { fail, json, succeed, versioned } from './fixtures.ts'

const KIB_256 = 256 * 1024

/** Texts that stores and their drivers are known to change. Encoders never write lone surrogates: no store can hold them. */
const TEXTS: Readonly<Record<string, string>> = {
  'plain JSON': '{"user":{"id":42,"tags":["a","b"]},"none":null}',
  'an escaped NUL': JSON.stringify({ text: 'before\0after' }),
  'a bare NUL': '"before\0after"',
  'other control characters': JSON.stringify('\u0001\b\t\n\r\u001f\u007f\u0080\u2028\u2029'),
  'characters of four bytes': JSON.stringify('👩🏽‍🚀 𝒜𝒷 𠜎'),
  'accents in two forms': JSON.stringify(['\u00e9', 'e\u0301', '\u212b']),
  'quotes, percent signs and question marks': JSON.stringify(`'"; DROP TABLE task; -- % _ ? $1 :a @b \\`),
  'numbers that are no doubles': '[1e400,-0,12345678901234567890,0.1000000000000000055511151231257827]',
  'keys in their order': '{"b":1,"a":2,"10":3,"9":4,"__proto__":5,"constructor":6}',
  'white space': ' { "a" : [ 1 , 2 ] }\n',
  'a byte order mark': '\ufeff"x"',
  'the end of Unicode': JSON.stringify('\ufffd\uffff\u{10ffff}'),
  'the word null': 'null',
  'no text at all': '',
  'deep nesting': `${'['.repeat(2_000)}${']'.repeat(2_000)}`,
  '256 KiB': JSON.stringify('x'.repeat(KIB_256 - 2)),
  '256 KiB in characters of three bytes': JSON.stringify('語'.repeat(Math.floor((KIB_256 - 2) / 3))),
}

const FORMATS = [0, 1] as const

/** What is stored comes back to the letter. */
export const values = [
  ...Object.entries(TEXTS).map(([what, text]) =>
    test(`every value of a task keeps ${what}, in both formats`, async (world) => {
      const worker = await world.worker()
      for (const format of FORMATS) {
        const value: StoredValue = { format, text }
        const task = world.task({ input: value, carried: value })
        await world.add(task)
        const claim = await worker.claimOne()
        assert.deepEqual({ input: claim.input, carried: claim.carried }, { input: value, carried: value })
        await worker.write({
          outcomes: [],
          progress: [{ id: claim.id, claims: claim.claims, value }],
        })
        await worker.finish(succeed(claim, { result: value }))
        const { input, carried, progress, result } = await world.find(task)
        assert.deepEqual(
          { input, carried, progress, result },
          { input: value, carried: value, progress: value, result: value },
        )
      }
    }),
  ),

  test("the formats of a task's values are independent", async (world) => {
    const worker = await world.worker()
    const of = (format: 0 | 1): StoredValue => ({ format, text: `[${format}]` })
    for (let bits = 0; bits < 16; bits++) {
      const [input, carried, progress, result] = [1, 2, 4, 8].map((bit) => of((bits & bit) === 0 ? 0 : 1)) as [
        StoredValue,
        StoredValue,
        StoredValue,
        StoredValue,
      ]
      const task = await worker.run({ input, carried })
      const at = { id: task.id, claims: task.claims }
      // An earlier progress of the other format must leave no trace.
      await worker.write({ progress: [{ ...at, value: of(progress.format === 0 ? 1 : 0) }] })
      await worker.write({ progress: [{ ...at, value: progress }] })
      await worker.finish(succeed(task, { result }))
      const record = await world.find(task)
      assert.deepEqual(
        [record.input, record.carried, record.progress, record.result],
        [input, carried, progress, result],
      )
    }
  }),

  test('ids, names, queues and request ids keep every character', async (world) => {
    const strange = ['a\0b', "it's", 'sémantique', '👩🏽‍🚀', '%_?', '__proto__', ' ', 'x'.repeat(200)]
    for (const text of strange) {
      const worker = await world.worker({ definitions: versioned(text) })
      const task = world.task({ id: text, idempotent: true, name: text, queue: text, requestId: text })
      await world.add(task)
      assert.deepEqual(await world.add(task), [{ kind: 'exists', state: 'ready' }])
      await world.store.pause(text, true)
      assert.ok((await world.store.paused()).has(text))
      await world.store.pause(text, false)
      assert.deepEqual(await world.store.readyKinds(), [{ queue: text, name: text, version: 1 }])
      const { id, name, queue, requestId } = await worker.claimOne({ room: { [text]: 1 } })
      assert.deepEqual([id, name, queue, requestId], [text, text, text, text])
      await worker.finish(succeed({ id, claims: 1 }))
      assert.deepEqual(await world.states(task), ['succeeded'])
    }
  }),

  test('ids that differ in case, in an accent or in a blank are different', async (world) => {
    const given = ['a', 'A', 'á', 'a\u0301', 'a ', ' a', 'a\0', '1', '01', '1.0']
    for (const id of given) {
      assert.deepEqual(await world.add(world.task({ id, idempotent: true })), [{ kind: 'added', state: 'ready' }])
    }
    assert.equal(await world.recount(), given.length)
    for (const id of given) assert.equal((await world.find(id)).id, id)
  }),

  test('an error keeps its fields, and has no more than it was given', async (world) => {
    const worker = await world.worker()
    const errors: StoredError[] = [
      { name: 'Error', message: '' },
      {
        name: 'SmtpError',
        message: 'refused \0 "no"\n👩🏽‍🚀',
        code: 'E_REFUSED',
        stack: 'SmtpError\n    at send (mail.ts:1:2)',
      },
      { name: 'Error', message: 'x'.repeat(KIB_256) },
    ]
    for (const error of errors) {
      const task = await worker.run()
      await worker.finish({ ...fail(task), move: 'fail', error })
      assert.deepEqual((await world.find(task)).error, error)
    }
  }),

  test('priorities and times keep their values', async (world) => {
    const far = 8_640_000_000_000_000
    for (const priority of [-1_000_000, -1, 0, 1, 1_000_000]) {
      const task = world.task({ priority, dueAt: far, input: json(priority) })
      await world.add(task)
      const record = await world.find(task)
      assert.deepEqual([record.priority, record.dueAt, record.addedAt], [priority, far, task.addedAt])
    }
  }),
] as const
