/** The dialog about one task: what background.explain(id) and background.get(id) say, and what this page has seen. */
import { ask, byId, element, post, say, timeOf } from './dom.js'
import { startOver, taskOf } from './tasks.js'

const dialog = /** @type {HTMLDialogElement} */ (byId('explain'))
let shownId = ''

/** @param {string} id */
export function explainTask(id) {
  shownId = id
  void draw().then(() => dialog.open || dialog.showModal())
}

/**
 * Draws it anew when that task has moved.
 *
 * @param {string} id
 */
export function refreshExplanation(id) {
  if (dialog.open && id === shownId) void draw()
}

async function draw() {
  const id = shownId
  const answer = await ask(`tasks/${encodeURIComponent(id)}`)
  if (id !== shownId) return
  const task = answer?.body ?? { name: 'No answer', explanation: 'The server does not answer just now.' }
  say(byId('explain-title'), task.name ?? 'Unknown')
  say(byId('explain-text'), task.explanation)
  const facts = {
    id,
    input: task.input && JSON.stringify(task.input),
    state: task.state,
    attempt: task.attempt,
    'workers that died with it': task.crashes || undefined,
    'handed back': task.handBacks || undefined,
    'last error': task.state === 'scheduled' ? undefined : task.error,
    survives: { power: 'a power cut', process: 'the death of the process' }[task.durability],
  }
  const known = Object.entries(facts).filter(([, value]) => value !== undefined)
  byId('explain-facts').replaceChildren(
    ...known.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, String(value))]),
  )
  const moments = taskOf(id)?.moments ?? []
  byId('explain-moments').replaceChildren(
    ...moments.map(({ at, text }) => element('li', {}, element('time', {}, timeOf(at)), ` ${text}`)),
  )
  byId('requeue').hidden = !['failed', 'quarantined', 'cancelled'].includes(task.state)
}

async function requeue() {
  startOver(shownId)
  await post(`tasks/${encodeURIComponent(shownId)}/requeue`)
  await draw()
}

byId('requeue').addEventListener('click', () => void requeue())

// A click beside the dialog closes it.
dialog.addEventListener('click', (event) => {
  if (event.target === dialog) dialog.close()
})
