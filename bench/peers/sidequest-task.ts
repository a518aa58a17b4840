import type { TaskInput } from '../peer.ts'
import { load } from './load.ts'

const { Job: Base } = await load<{ Job: new () => object }>('sidequest')

/** Sidequest finds the class of a task by the file that it was made in, so it cannot be made elsewhere. */
export class SendWelcome extends Base {
  /** What every task does in this process. */
  static perform: (input: TaskInput) => Promise<void> = () => Promise.resolve()

  run(input: TaskInput): Promise<void> {
    return SendWelcome.perform(input)
  }
}
