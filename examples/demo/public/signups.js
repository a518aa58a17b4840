/** The list of sign-ups, each with its tasks in the order in which they run. */
import { byId, element, milliseconds, say } from './dom.js'
import { signups } from './ledger.js'
import { inWords, madeBy, scars, taskOf } from './tasks.js'

const SHOWN_MAX = 24

/** @type {Map<string, HTMLElement>} a step for each task that is shown */
const steps = new Map()
/** @type {Map<string, { image: HTMLImageElement, photoId: string }>} by the task that makes it */
const portraits = new Map()

/** @param {(taskId: string) => void} onChoose */
export function drawSignups(onChoose) {
  steps.clear()
  portraits.clear()
  const all = signups()
  byId('signups').replaceChildren(
    ...all
      .slice(-SHOWN_MAX)
      .reverse()
      .map((signup) => row(signup, onChoose)),
  )
  byId('signups-none').hidden = all.length > 0
  const older = byId('older')
  older.hidden = all.length <= SHOWN_MAX
  say(older, `And ${all.length - SHOWN_MAX} earlier sign-ups, which are counted above.`)
}

/**
 * @param {import('./ledger.js').Signup} signup
 * @param {(taskId: string) => void} onChoose
 */
export function addSignup(signup, onChoose) {
  const list = byId('signups')
  byId('signups-none').hidden = true
  list.prepend(row(signup, onChoose))
  if (list.children.length > SHOWN_MAX) drawSignups(onChoose)
}

function row(signup, onChoose) {
  const portrait = element('img', { alt: '', width: 40, height: 40, hidden: true })
  // The server may die while it serves it: the next one is asked again.
  portrait.addEventListener('error', () => (portrait.hidden = true))
  const frame = element('span', { className: 'portrait', ariaHidden: 'true' }, signup.name.slice(0, 1), portrait)
  const who = element(
    'span',
    { className: 'who' },
    element('b', {}, signup.name),
    element('small', {}, `answered in ${milliseconds(signup.ms)}`),
  )
  const series = signup.tasks.map(({ id, name }) => {
    const step = element('button', { className: 'step', type: 'button' }, element('b', {}, name), element('span', {}))
    step.addEventListener('click', () => onChoose(id))
    steps.set(id, step)
    if (signup.photoId && name === 'make-thumbnails') portraits.set(id, { image: portrait, photoId: signup.photoId })
    return element('li', {}, step)
  })
  const made = element('li', { className: 'signup' }, frame, who, element('ol', { className: 'series' }, ...series))
  for (const { id } of signup.tasks) drawTask(id)
  return made
}

/** @param {string} id */
export function drawTask(id) {
  const step = steps.get(id)
  if (step === undefined) return
  const task = taskOf(id)
  step.dataset.state = task?.state ?? 'none'
  say(/** @type {HTMLElement} */ (step.lastElementChild), inWords(task) + scars(task))
  const portrait = portraits.get(id)
  if (portrait !== undefined && portrait.image.hidden && madeBy(task).includes(96)) {
    portrait.image.src = `thumbnails/${portrait.photoId}-96.webp`
    portrait.image.hidden = false
  }
}

/** Tasks that wait for their next attempt count down. */
export function tick() {
  for (const [id, step] of steps) if (step.dataset.state === 'scheduled') drawTask(id)
}
