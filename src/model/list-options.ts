import { taskId } from './add-options.ts'
import { aName } from './name.ts'
import { either, integer, listOf, oneOf, string } from './option-kinds.ts'
import { type OptionsGiven, optionTable } from './option-table.ts'
import { FINAL_STATES, LIVE_STATES } from './task-state.ts'

const state = oneOf(...LIVE_STATES, ...FINAL_STATES)

/** The filters of `background.list`; a task has to match all that are given. */
export const LIST_FILTER = optionTable({
  state: { is: either(state, listOf(state)), default: undefined, says: 'In this state, or in one of these.' },
  queue: { is: aName, default: undefined, says: 'Waiting in, or having waited in, this queue.' },
  name: { is: aName, default: undefined, says: 'Of the definition of this name.' },
  requestId: { is: string(), default: undefined, says: 'Added by the request of this id.' },
  series: {
    is: taskId,
    default: undefined,
    says: "Of one response, named by the first of its tasks: a task's `series`.",
  },
})

/** The options of `background.list`. */
export const LIST_OPTIONS = optionTable({
  limit: { is: integer({ min: 1, max: 1000 }), default: 50, says: 'How many tasks a page holds at most.' },
  before: { is: taskId, default: undefined, says: "Where the page before it ended: that page's `next`." },
})

/** Which tasks {@link Background.list} looks for; nothing given is all of them. */
export type ListFilter = OptionsGiven<typeof LIST_FILTER>

/** Which page {@link Background.list} gives. */
export type ListOptions = OptionsGiven<typeof LIST_OPTIONS>
