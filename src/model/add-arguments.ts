import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AddOptions } from './add-options.ts'
import type { AnyTaskDefinition, TaskDefinition } from './definition.ts'
import type { StorableInput } from './storable.ts'

/** What `add` takes for a definition. */
export type InputOf<D extends AnyTaskDefinition> = D extends {
  readonly schema: StandardSchemaV1<infer Input, infer _Parsed> | undefined
}
  ? Input
  : never

/** What a definition's `run` returns. */
export type ResultOf<D extends AnyTaskDefinition> =
  D extends TaskDefinition<infer _Name, infer _Input, infer _Parsed, infer Result> ? Result : never

/** What follows the definition in `add`: its input, which a definition without input leaves out, and options. */
export type AddArguments<D extends AnyTaskDefinition> = [undefined] extends [InputOf<D>]
  ? [input?: StorableInput<InputOf<D>>, options?: AddOptions]
  : [input: StorableInput<InputOf<D>>, options?: AddOptions]
