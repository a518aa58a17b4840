/** What the page knows of each task. Events and answers may overtake each other, so each piece of news has its place. */

/**
 * @typedef {object} Task
 * @property {string} id
 * @property {string} state  as the store says, or `unknown` when the store does not have it
 * @property {number} attempt
 * @property {number} [crashes]
 * @property {number} [handBacks]
 * @property {{ made: number[] }} [progress]
 * @property {{ made: number[] }} [result]
 * @property {string} [error]
 * @property {number} [dueAt]
 * @property {{ at: number, text: string }[]} moments
 */

/** @type {Map<string, Task & { place: number[] }>} */
const tasks = new Map()

const FINAL = new Set(['succeeded', 'failed', 'cancelled', 'quarantined'])

/** @param {string} id */
export function taskOf(id) {
  return tasks.get(id)
}

/** @param {string} state */
export function isFinal(state) {
  return FINAL.has(state)
}

/**
 * Takes in a piece of news.
 *
 * @param {number} startedAt  which server process said it, by its start: a later one knows better
 * @param {Partial<Task> & { id: string, state: string }} news
 * @param {number} at
 * @returns {boolean} whether it was news at all
 */
export function learn(startedAt, news, at) {
  const known = tasks.get(news.id)
  const attempt = news.attempt ?? 0
  const place = [startedAt, attempt, rank(news.state, attempt)]
  if (known !== undefined && compare(place, known.place) < 0) return false
  const defined = Object.fromEntries(Object.entries(news).filter(([, value]) => value !== undefined))
  const task = { moments: [], ...known, ...defined, attempt, place }
  if (news.state !== 'scheduled') delete task.dueAt
  const text = momentOf(task)
  if (task.moments.at(-1)?.text !== text) task.moments = [...task.moments, { at, text }]
  tasks.set(task.id, task)
  return true
}

/**
 * A task that runs again begins at attempt 0.
 *
 * @param {string} id
 */
export function startOver(id) {
  const task = tasks.get(id)
  if (task !== undefined) task.place = [task.place[0] ?? 0, -1, 0]
}

/** The steps of one attempt, in their order; `ready` comes before the first attempt and after a failed one. */
function rank(state, attempt) {
  if (isFinal(state)) return 9
  if (state === 'ready') return attempt === 0 ? 1 : 4
  return { unknown: -1, waiting: 0, running: 2, scheduled: 3 }[state] ?? 0
}

function compare(a, b) {
  const at = a.findIndex((value, i) => value !== b[i])
  return at === -1 ? 0 : a[at] - b[at]
}

/**
 * In a few words.
 *
 * @param {Task | undefined} task
 */
export function inWords(task) {
  if (task === undefined) return 'no news yet'
  const { crashes = 0 } = task
  const again = task.attempt - crashes > 1 ? `, attempt ${task.attempt}` : ''
  switch (task.state) {
    case 'waiting':
      return 'waits its turn'
    case 'ready':
      return task.attempt > 0 ? 'queued again' : 'queued'
    case 'running':
      return `running${again}`
    case 'scheduled':
      return `attempt ${task.attempt + 1} ${untilDue(task.dueAt)}`
    case 'succeeded':
      return `done${again}`
    case 'failed':
      return `failed for good${again}`
    case 'quarantined':
      return 'set aside'
    case 'unknown':
      return 'lost'
    default:
      return task.state
  }
}

/**
 * The widths of the thumbnails that a task has made so far.
 *
 * @param {Task | undefined} task
 * @returns {number[]}
 */
export function madeBy(task) {
  return task?.result?.made ?? task?.progress?.made ?? []
}

/** What happened to it besides its own failures, to be appended: ` after a crash`. */
export function scars({ crashes = 0, handBacks = 0, state = '' } = {}) {
  const crashed = crashes > 0 ? ` after ${crashes === 1 ? 'a crash' : `${crashes} crashes`}` : ''
  return handBacks > 0 && !isFinal(state) ? `${crashed} · handed back` : crashed
}

function untilDue(dueAt) {
  const ms = (dueAt ?? 0) - Date.now()
  return ms > 0 ? `in ${(ms / 1000).toFixed(1)} s` : 'at once'
}

function momentOf(task) {
  const made = task.state === 'running' && madeBy(task).length > 0 ? `, ${madeBy(task).join(' and ')} px made` : ''
  const words = task.state === 'scheduled' ? `attempt ${task.attempt} failed: ${task.error}` : inWords(task)
  return words + scars(task) + made
}
