import {
  type AnyTaskDefinition,
  type BackgroundTasks,
  defineTask,
  type InputOf,
  type ResultOf,
  type TaskDefinition,
} from 'afterword'
/**
 * What the compiler says about definitions and inputs, in a user's code. Each `@ts-expect-error` states its claim, and the
 * compiler fails where the claim does not hold. Compiled only, never run.
 */
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'

declare const tasks: BackgroundTasks

/** Compiles only when both types are the same, `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(verdict: Same<A, B>): void

// ── A schema: `add` takes its input type, `run` gets its output type ──────────────────────────────────────────────────

const zodTask = defineTask({
  name: 'zod',
  input: z.object({
    to: z.email(),
    at: z.string().transform((text) => new Date(text)),
    copies: z.number().default(1),
    note: z.string().optional(),
  }),
  run: async (input, context) => {
    same<typeof input.at, Date>(true)
    same<typeof input.copies, number>(true)
    context.signal.throwIfAborted()
    return { sent: input.to, attempt: context.attempt }
  },
})
same<typeof zodTask.name, 'zod'>(true)
same<ResultOf<typeof zodTask>, { sent: string; attempt: number }>(true)
tasks.add(zodTask, { to: 'a@b.c', at: '2030-01-01' })
tasks.add(zodTask, { to: 'a@b.c', at: '2030-01-01', copies: 2, note: 'x' }, { delay: '5s', priority: 3 })
// @ts-expect-error -- `add` takes the schema's input, a string, not its output.
tasks.add(zodTask, { to: 'a@b.c', at: new Date() })
// @ts-expect-error -- an unknown property is a typing error.
tasks.add(zodTask, { to: 'a@b.c', at: '2030-01-01', cc: 'd@e.f' })
// @ts-expect-error -- a definition with an input is not added without one.
tasks.add(zodTask)

const valibotTask = defineTask({
  name: 'valibot',
  input: v.object({ id: v.number(), tags: v.optional(v.array(v.string()), []) }),
  async run({ id, tags }, { log }) {
    same<typeof tags, string[]>(true)
    log.info({ id }, 'valibot')
    return id
  },
})
same<ResultOf<typeof valibotTask>, number>(true)
tasks.add(valibotTask, { id: 1 })
// @ts-expect-error -- a string is not a number.
tasks.add(valibotTask, { id: '1' })

const arktypeTask = defineTask({
  name: 'arktype',
  input: type({ id: 'number', 'tag?': 'string', day: 'string.date.parse' }),
  run: (input) => {
    same<typeof input.day, Date>(true)
    return input.tag
  },
})
same<InputOf<typeof arktypeTask>, { id: number; tag?: string; day: string }>(true)
same<ResultOf<typeof arktypeTask>, string | undefined>(true)
tasks.add(arktypeTask, { id: 1, day: '2030-01-01' })
// @ts-expect-error -- a property is missing.
tasks.add(arktypeTask, { id: 1 })

const dated = defineTask({ name: 'dated', input: z.object({ at: z.date() }), run: ({ at }) => at.getTime() })
tasks.add(dated, { at: new Date() })

const branded = defineTask({ name: 'branded', input: z.object({ id: z.string().brand<'Id'>() }), run: ({ id }) => id })
tasks.add(branded, { id: 'x' })

const optional = defineTask({ name: 'optional', input: z.string().optional(), run: (text) => text?.length })
tasks.add(optional)
tasks.add(optional, 'x', { delay: 1 })

defineTask({
  name: 'callback',
  // @ts-expect-error -- a schema whose input holds a function cannot be stored.
  input: v.object({ id: v.number(), done: v.function() }),
  run: ({ id }) => id,
})
// @ts-expect-error -- nor can one whose input is a symbol, whatever its output is.
defineTask({ name: 'symbol', input: z.symbol().transform(String), run: (text) => text.length })
// @ts-expect-error -- `run` cannot ask for another type than the schema gives.
defineTask({ name: 'other', input: z.object({ at: z.string() }), run: async (input: { other: number }) => input.other })
// @ts-expect-error -- `run` gets the schema's output, with its properties only.
defineTask({ name: 'property', input: z.object({ at: z.string() }), run: async (input) => input.att })
// @ts-expect-error -- a schema is a Standard Schema, not a description of one.
defineTask({ name: 'described', input: { id: 'number' }, run: () => 1 })

// ── No schema: the input is what `run` takes ──────────────────────────────────────────────────────────────────────────

interface User {
  readonly id: number
  readonly name: string
  readonly address?: { readonly city: string } | null
  readonly friends: readonly User[]
}

const plain = defineTask({ name: 'plain', run: async (user: User) => user.name })
same<InputOf<typeof plain>, User>(true)
same<ResultOf<typeof plain>, string>(true)
const ada: User = { id: 1, name: 'Ada', friends: [] }
tasks.add(plain, ada)
tasks.add(plain, { id: 1, name: 'Ada', friends: [ada], address: null }, { id: 'user:1' })
// @ts-expect-error -- `userId` is not a property of the input.
tasks.add(plain, { id: 1, name: 'Ada', friends: [], userId: 1 })
// @ts-expect-error -- a friend is a user as well.
tasks.add(plain, { ...ada, friends: [{ id: 1 }] })
// @ts-expect-error -- the input is missing.
tasks.add(plain)
// @ts-expect-error -- undefined is no user.
tasks.add(plain, undefined)

const nothing = defineTask({ name: 'nothing', run: async () => 1 })
same<InputOf<typeof nothing>, undefined>(true)
tasks.add(nothing)
tasks.add(nothing, undefined, { delay: '1h' })
// @ts-expect-error -- a definition without an input takes none.
tasks.add(nothing, { id: 1 })

const contextOnly = defineTask({ name: 'context-only', run: async (_, context) => context.attempt })
same<InputOf<typeof contextOnly>, undefined>(true)
tasks.add(contextOnly)

const maybe = defineTask({ name: 'maybe', run: (since?: Date) => since?.getTime() })
tasks.add(maybe)
tasks.add(maybe, new Date())
// @ts-expect-error -- a number is not a Date.
tasks.add(maybe, 5)

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
const json = defineTask({ name: 'json', run: (value: Json) => JSON.stringify(value) })
tasks.add(json, { a: [1, { b: null }] })
type Rule = string | readonly ['not', Rule] | ['all', ...Rule[]] | { either: [Rule, Rule] }
const rule = defineTask({ name: 'rule', run: (value: Rule) => typeof value })
tasks.add(rule, ['not', ['all', 'a', { either: ['b', ['not', 'c']] }]])
// @ts-expect-error -- a rule is no number, however deep.
tasks.add(rule, ['not', ['all', 'a', { either: ['b', ['not', 5]] }]])
interface Tree {
  readonly name: string
  readonly children: ReadonlyMap<string, Tree>
  readonly parent?: Tree
  readonly spouse: [Tree] | null
}
const tree = defineTask({ name: 'tree', run: (value: Tree) => value.name })
tasks.add(tree, {
  name: 'a',
  children: new Map([['b', { name: 'b', children: new Map(), spouse: null }]]),
  spouse: null,
})
interface Knot {
  readonly name: string
  readonly next: readonly [Knot] | Map<string, Knot[]> | null
  readonly untie: () => void
}
const knot = defineTask({ name: 'knot', run: (value: Knot) => value.name })
// @ts-expect-error -- a type that contains itself and a function is seen through.
tasks.add(knot, { name: '', next: null, untie: () => {} })
declare const body: any // oxlint-disable-line typescript/no-explicit-any -- the claim is about `any`.
tasks.add(json, body)
tasks.add(plain, body)
const unknowing = defineTask({ name: 'unknowing', run: (value: unknown) => typeof value })
tasks.add(unknowing, { any: ['thing'] })
tasks.add(unknowing)

// ── What can be stored ────────────────────────────────────────────────────────────────────────────────────────────────

type UserId = string & { readonly brand: unique symbol }
type Event = { readonly kind: 'paid'; readonly cents: bigint } | { readonly kind: 'sent'; readonly at: Date }
interface Everything {
  id: UserId
  event: Event
  at: Date
  big: bigint
  byName: Map<string, { at: Date }>
  seen: ReadonlySet<number>
  bytes: Uint8Array
  body: Buffer
  buffer: ArrayBuffer
  page: URL
  query: URLSearchParams
  pattern: RegExp
  pair: readonly [string, Date?]
  rest: [number, ...string[]]
  byId: Record<string, number>
  maybe?: undefined | null
  form: { name: string; message: string }
  raw: unknown
}
const everything = defineTask({ name: 'everything', run: (input: Everything) => input.at })
declare const all: Everything
tasks.add(everything, all)
same<InputOf<typeof everything>, Everything>(true)

declare class Account {
  readonly id: number
  close(): void
}
declare const account: Account

const holds = <T>() => defineTask({ name: 'holds', run: (input: { readonly ok: string; readonly it: T }) => input.ok })
tasks.add(holds<string>(), { ok: '', it: '' })
// @ts-expect-error -- a function cannot be stored.
tasks.add(holds<() => void>(), { ok: '', it: () => {} })
// @ts-expect-error -- nor can an optional one that is there.
tasks.add(holds<{ done?: () => void }>(), { ok: '', it: { done: () => {} } })
tasks.add(holds<{ done?: () => void }>(), { ok: '', it: {} })
// @ts-expect-error -- nor a class.
tasks.add(holds<typeof Account>(), { ok: '', it: Account })
// @ts-expect-error -- nor an instance of a class with methods.
tasks.add(holds<Account>(), { ok: '', it: account })
// @ts-expect-error -- nor one in an array.
tasks.add(holds<Account[]>(), { ok: '', it: [account] })
// @ts-expect-error -- nor one in a Map.
tasks.add(holds<Map<string, Account>>(), { ok: '', it: new Map([['a', account]]) })
// @ts-expect-error -- nor one in a Set.
tasks.add(holds<Set<Account>>(), { ok: '', it: new Set([account]) })
// @ts-expect-error -- nor one in a tuple.
tasks.add(holds<[string, Account]>(), { ok: '', it: ['', account] })
// @ts-expect-error -- nor one in a list that begins with something else.
tasks.add(holds<[string, ...Account[]]>(), { ok: '', it: ['', account] })
// @ts-expect-error -- nor one in a union.
tasks.add(holds<string | Account>(), { ok: '', it: account })
tasks.add(holds<string | Account>(), { ok: '', it: '' })
// @ts-expect-error -- a symbol cannot be stored.
tasks.add(holds<symbol>(), { ok: '', it: Symbol('x') })
// @ts-expect-error -- a Promise has to be awaited first.
tasks.add(holds<Promise<string>>(), { ok: '', it: Promise.resolve('') })
// @ts-expect-error -- an Error cannot be stored.
tasks.add(holds<Error>(), { ok: '', it: new Error('x') })
// @ts-expect-error -- nor an error of one's own.
tasks.add(holds<TypeError>(), { ok: '', it: new TypeError('x') })
// @ts-expect-error -- a WeakMap cannot be stored.
tasks.add(holds<WeakMap<object, string>>(), { ok: '', it: new WeakMap() })
// @ts-expect-error -- a stream cannot be stored.
tasks.add(holds<NodeJS.ReadableStream>(), { ok: '', it: process.stdin })
// @ts-expect-error -- nor can a signal.
tasks.add(holds<AbortSignal>(), { ok: '', it: new AbortController().signal })

// ── Versions ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const upgraded = defineTask({
  name: 'upgraded',
  version: 3,
  input: z.object({ first: z.string(), last: z.string().optional() }),
  upgrade: {
    1: (name: string) => ({ name }),
    2: ({ name }: { name: string }) => ({ first: name }),
  },
  run: ({ first }) => first,
})
same<InputOf<typeof upgraded>, { first: string; last?: string | undefined }>(true)
same<ResultOf<typeof upgraded>, string>(true)
tasks.add(upgraded, { first: 'Ada' })
const firstOf = { name: 'x', input: z.object({ first: z.string() }), run: () => {} } as const
defineTask({ ...firstOf, version: 4, upgrade: { 3: (old) => ({ first: String(old) }) } })
defineTask({
  name: 'x',
  version: 2,
  upgrade: { 1: (old: string) => ({ first: old }) },
  run: (_: { first: string }) => {},
})
defineTask({ name: 'x', version: 2, upgrade: { 1: () => undefined }, run: () => {} })
declare const someVersion: number
defineTask({ ...firstOf, version: someVersion, upgrade: { [someVersion - 1]: () => 'anything' } })
// @ts-expect-error -- the last upgrade gives an input of today.
defineTask({ ...firstOf, version: 2, upgrade: { 1: (name: string) => ({ name }) } })
// @ts-expect-error -- also the last of several.
defineTask({ ...firstOf, version: 3, upgrade: { 1: () => ({ name: '' }), 2: () => ({ name: '' }) } })
// @ts-expect-error -- there is nothing to be made of the version itself.
defineTask({ ...firstOf, version: 2, upgrade: { 2: () => ({ first: '' }) } })
// @ts-expect-error -- without a version there is none before.
defineTask({ ...firstOf, upgrade: { 1: () => ({ first: '' }) } })
// @ts-expect-error -- what is stored is not known: it has to be said, or looked at.
defineTask({ ...firstOf, version: 2, upgrade: { 1: (old) => ({ first: old.name }) } })
// @ts-expect-error -- an upgrade answers at once.
defineTask({ ...firstOf, version: 2, upgrade: { 1: async (first: string) => ({ first }) } })
// @ts-expect-error -- a version is a number.
defineTask({ ...firstOf, version: '2' })

// ── The other options ─────────────────────────────────────────────────────────────────────────────────────────────────

defineTask({ name: 'ok', timeout: '1.5h', retry: { attempts: 3, base: 500, cap: '1m' }, on: 'always', run: () => {} })
// @ts-expect-error -- an unknown option is a typing error.
defineTask({ name: 'x', retries: 3, run: () => {} })
// @ts-expect-error -- a duration has a unit of ours.
defineTask({ name: 'x', timeout: '5 minutes', run: () => {} })
// @ts-expect-error -- a policy has no other option.
defineTask({ name: 'x', retry: { times: 3 }, run: () => {} })
// @ts-expect-error -- a task is in a thread or not.
defineTask({ name: 'x', thread: 2, run: () => {} })
// @ts-expect-error -- a module is named by its URL.
defineTask({ name: 'x', thread: true, module: 5, run: () => {} })
defineTask({ name: 'x', thread: true, module: new URL('file:///x.js'), run: () => {} })
defineTask({ name: 'x', thread: true, module: 'file:///x.js', run: (_: User, { log }) => log.info({}, 'x') })
// @ts-expect-error -- `run` is needed.
defineTask({ name: 'x' })
// @ts-expect-error -- a name is needed.
defineTask({ run: () => {} })
// @ts-expect-error -- a definition is frozen.
plain.queue = 'other'
// @ts-expect-error -- an unknown option of `add` is a typing error.
tasks.add(nothing, undefined, { deley: 5 })
// @ts-expect-error -- `on` is one of three.
tasks.add(nothing, undefined, { on: 'sometimes' })
tasks.add(nothing, undefined, { runAt: new Date(), durability: 'process', parallel: true, queue: 'q', on: 'error' })
tasks.add(nothing, undefined, { delay: undefined, id: undefined })

// ── Definitions as values ─────────────────────────────────────────────────────────────────────────────────────────────

const list: readonly AnyTaskDefinition[] = [zodTask, valibotTask, arktypeTask, plain, nothing, everything]
const one: TaskDefinition<'plain', User, User, string> = plain
function addLater(definition: TaskDefinition<string, User, User, string>, user: User): void {
  tasks.add(definition, user)
}
addLater(plain, ada)
// @ts-expect-error -- a definition with another input is another type.
addLater(valibotTask, ada)
export { list, one }
