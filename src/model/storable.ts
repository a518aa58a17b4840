/*
 * Which types a store keeps, for the compiler. The run-time check in engine/codec.ts has the last word: it also sees
 * what types do not tell, such as a class instance behind an interface, a symbol as a key, or a cycle.
 */

/** Stands where a type cannot be stored; the compiler prints the reason. */
export interface NotStorable<Reason extends string> {
  readonly 'cannot be stored': Reason
}

type Primitive = string | number | boolean | bigint | null | undefined | void

type Bytes =
  | ArrayBuffer
  | DataView
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

type Kept = Primitive | Date | URL | URLSearchParams | RegExp | Bytes

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- constructors of any arity must match.
type Callable = ((...args: never) => unknown) | (abstract new (...args: any) => unknown) | CallableFunction

/** Structural marks of things that live only in this process. */
type Emitter = { on: Callable; emit: Callable }
type WebStream = { getReader: Callable } | { getWriter: Callable }

/**
 * `T` itself where a store keeps it, and {@link NotStorable} with the reason at every place where it does not.
 *
 * Kept: strings, numbers, booleans, bigints, null, undefined, Date, Map, Set, URL, URLSearchParams, RegExp, ArrayBuffer,
 * DataView, typed arrays and Buffers, and objects, arrays and tuples of such. `any` and `unknown` pass: only the
 * run-time check can judge them. Properties under symbols pass too, because type brands live there.
 */
export type Storable<T> = unknown extends T
  ? T
  : T extends Kept
    ? T
    : T extends symbol
      ? NotStorable<'a symbol is unique to this process; pass a string'>
      : T extends Callable
        ? NotStorable<'a function or a method; pass plain data instead of callbacks and class instances'>
        : T extends Map<infer K, infer V>
          ? Map<Storable<K>, Storable<V>>
          : T extends ReadonlyMap<infer K, infer V>
            ? ReadonlyMap<Storable<K>, Storable<V>>
            : T extends Set<infer M>
              ? Set<Storable<M>>
              : T extends ReadonlySet<infer M>
                ? ReadonlySet<Storable<M>>
                : T extends readonly unknown[]
                  ? StorableList<T>
                  : T extends object
                    ? StorableObject<T>
                    : never

/**
 * Lists are written so that the compiler looks at their elements no sooner than it must: a type that contains itself, such
 * as `type Json = string | Json[]` or `type Rule = string | ['not', Rule]`, would have no end otherwise.
 */
type StorableList<T extends readonly unknown[]> = number extends T['length']
  ? T extends unknown[]
    ? Storable<T[number]>[]
    : readonly Storable<T[number]>[]
  : T & { readonly [K in keyof T as K extends `${number}` ? K : never]: Storable<T[K]> }

type StorableObject<T extends object> =
  T extends PromiseLike<unknown>
    ? NotStorable<'a Promise; await it first'>
    : T extends WeakKeyed
      ? NotStorable<'a WeakMap, WeakSet or WeakRef; its members cannot be listed'>
      : IsError<T> extends true
        ? NotStorable<'an Error; pass its message and the data that matters'>
        : T extends Emitter | WebStream
          ? NotStorable<'a stream, socket, request or other emitter; pass what it carries'>
          : { [K in keyof T]: Storable<T[K]> }

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the key types are contravariant.
type WeakKeyed = WeakMap<any, any> | WeakSet<any> | WeakRef<any>

/** An Error, but not an object that happens to have a name and a message, such as a contact form. */
type IsError<T> = T extends Error ? ('stack' extends keyof T ? true : false) : false

/**
 * The parameter type of an input: `T` itself when all of it can be stored, so that messages show the type as it was
 * written; else `T` with the reason at each place that cannot.
 */
export type StorableInput<T> = [T] extends [Storable<T>] ? T : Storable<T>
