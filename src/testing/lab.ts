import type { Background, BackgroundTasks, Duration, InputOf } from '../index.ts'
import type { AnyTaskDefinition } from '../model/definition.ts'
import { durationMs } from '../model/duration.ts'
import { decodedInput } from './lab-task.ts'
import { AttemptLog } from './attempt-log.ts'
import { type CrashOptions, CrashPlan } from './crash-plan.ts'
import { Driver } from './driver.ts'
import { expectAdded, expectNotAdded, type Sightings } from './expectations.ts'
import type { LabAttempt, LabFailure } from './lab-attempt.ts'
import { LabProcess, type LabWorld } from './lab-process.ts'
import { type LabTask, labTask } from './lab-task.ts'
import { TasksFailed } from './tasks-failed.ts'

/** What `expectAdded` takes after the definition: an input that the task has to have; left out, any will do. */
export type ExpectedInput<D extends AnyTaskDefinition> = [input?: InputOf<D>]

/**
 * A test's hands on a background: what was added, the next step, the clock, and crashes. Made by `testBackground`.
 *
 * `run`, `step`, `crash` and `restart` come one after another: a second one while the first is under way throws.
 */
export class Lab<App = undefined> {
  readonly #world: LabWorld & { crash: CrashPlan | undefined }
  readonly #build: (background: Background) => App | Promise<App>
  readonly #driver: Driver
  readonly #log: AttemptLog
  #process: LabProcess
  #app: App | undefined
  #busy: string | undefined
  #disposed = false
