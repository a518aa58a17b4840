/** Goal: whatever an object is made of, the guard passes it on while it may be used, and names the line that uses it later. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { guarded } from '../../src/sessions/guard.ts'

/** A guard before an object, and the switch that ends it. */
function scene<T>(session: T) {
  let isOver = false
  const used: string[] = []
  const db = guarded(session, (what) => {
    if (!isOver) return undefined
    used.push(what)
    return new Error(`late: ${what}`)
  })
  return { db, used, end: () => (isOver = true) }
}

class Client {
  static readonly made = 'client'
  #open = 0
  label = 'plain'

  get open(): number {
    return this.#open
  }

  set open(count: number) {
    this.#open = count
  }

  query(text: string): string {
    this.#open++
    return `${text} (${this.#open})`
  }

  chain(): this {
    return this
  }

  async query2(): Promise<number> {
    return this.#open
  }

  *[Symbol.iterator](): Iterator<number> {
    yield this.#open
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = -1
  }
}

describe('the guard of a session that is open', () => {
  test('runs methods on the object itself, whose fields may be private', async () => {
    const { db } = scene(new Client())
    assert.equal(db.query('a'), 'a (1)')
    const query = taken(db)
    assert.equal(query('b'), 'b (2)')
    assert.equal(await db.query2(), 2)
  })

  test('gets and sets what is behind getters and setters', () => {
    const client = new Client()
    const { db } = scene(client)
    db.open = 5
    db.label = 'set'
    assert.deepEqual([client.open, db.open, client.label], [5, 5, 'set'])
  })

  test('stays before the object in chains of methods that return it', () => {
    const { db, end } = scene(new Client())
    const chained = db.chain().chain()
    assert.equal(chained, db)
    end()
    assert.throws(() => chained.query('a'), /late/)
    const emitter = scene(new EventEmitter())
    assert.equal(
      emitter.db.on('x', () => {}),
      emitter.db,
    )
  })

  test('passes for an instance of the class', () => {
    const { db } = scene(new Client())
    assert.ok(db instanceof Client)
    assert.equal(db.constructor, Client)
    assert.deepEqual(Object.keys(db), ['label'])
    assert.ok('query' in db)
  })

  test('gives the same method each time, and another when it was replaced', () => {
    const object = { query: () => 'old' }
    const { db } = scene(object)
    assert.equal(db.query, db.query)
    object.query = () => 'new'
    assert.equal(db.query(), 'new')
  })

  test('lets functions be called, with what they carry', () => {
    const knex = Object.assign((table: string) => `from ${table}`, {
      raw: Object.assign((text: string) => text, { json: (value: unknown) => JSON.stringify(value) }),
    })
    const { db, end } = scene(knex)
    const { json } = db.raw
    assert.deepEqual([db('users'), db.raw('x'), db.raw.json([1]), typeof db], ['from users', 'x', '[1]', 'function'])
    end()
    assert.throws(() => db('users'), /late: \(\)/)
    assert.throws(() => db.raw('x'), /late: \.raw/)
    assert.equal(json([1]), '[1]')
  })

  test('gives classes as they are: for new, for instanceof, and for what is on them', () => {
    class Failure extends Error {}
    const { db } = scene({ Failure, Client })
    assert.ok(new Failure() instanceof db.Failure)
    assert.ok(new db.Failure() instanceof Failure)
    assert.equal(db.Client.made, 'client')
  })

  test('goes before frozen objects', () => {
    const { db, end } = scene(Object.freeze({ query: (text: string) => text, self: new Client() }))
    assert.equal(db.query('a'), 'a')
    assert.equal(db.self.query('a'), 'a (1)')
    end()
    assert.throws(() => db.query('a'), /late: \.query/)
    const frozen = scene(Object.freeze(new Client()))
    assert.equal(frozen.db.query('a'), 'a (1)')
  })

  test('is what it is before when awaited, spread or disposed of', async () => {
    const client = new Client()
    const { db } = scene(client)
    assert.equal(await Promise.resolve(db), db)
    assert.equal(await (async () => db)(), db)
    assert.deepEqual([...db], [0])
    {
      await using disposed = db
      assert.equal(disposed, db)
    }
    assert.equal(client.open, -1)
  })

  test('leaves what is no object as it is', () => {
    const values = [undefined, null, 1, 'text']
    assert.deepEqual(
      values.map((value) => guarded(value, () => new Error('late'))),
      values,
    )
  })
})

describe('the guard of a session that has ended', () => {
  test('refuses getting, setting and calling, and says what was used', () => {
    const { db, used, end } = scene(new Client())
    const query = taken(db)
    end()
    for (const use of [() => db.query('a'), () => query('a'), () => db.open, () => (db.label = 'b'), () => [...db]]) {
      assert.throws(use, /^Error: late/)
    }
    assert.deepEqual(used, ['.query', '.query', '.open', '.label', '.Symbol(Symbol.iterator)'])
  })

  test('says the line that used it first in the stack', () => {
    const { db, end } = scene(Object.assign(() => 'called', { client: new Client(), label: 'a', query: () => 'b' }))
    const { query } = db
    end()
    const uses = [() => db.label, () => query(), () => db(), () => (db.label = 'b')]
    for (const use of uses) {
      const [message, first] = stackOf(use)
      assert.match(message!, /^Error: late: /)
      assert.match(first!, /guard\.test\.ts:\d+:\d+/)
    }
  })

  test('can be looked at: awaited, inspected, asked for its class', async () => {
    const { db, used, end } = scene(new Client())
    end()
    assert.equal(await Promise.resolve(db), db)
    assert.match(inspect(db), /^Client \{ label: 'plain' \}$/)
    assert.ok(db instanceof Client)
    assert.equal(Object.prototype.toString.call(db), '[object Object]')
    assert.deepEqual(used, [])
  })
})

/** A method without its object, as destructuring gives it. */
function taken(db: Client): (text: string) => string {
  // oxlint-disable-next-line typescript/unbound-method -- That is what is tried.
  return db.query
}

function stackOf(use: () => unknown): readonly string[] {
  try {
    use()
  } catch (error) {
    return (error as Error).stack!.split('\n')
  }
  return assert.fail('nothing was thrown')
}
