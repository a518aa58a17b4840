/** Wires the page: the form, the buttons, and the stream of news. */
import { ask, byId, element, milliseconds, post, say, timeOf } from './dom.js'
import { explainTask, refreshExplanation } from './explain.js'
import { acknowledge, forgetAll, onOtherTab, openLedger, signups } from './ledger.js'
import { drawMail } from './mailbox.js'
import { drawLandscape } from './picture.js'
import { addSignup, drawSignups, drawTask, tick } from './signups.js'
import { drawTally } from './tally.js'
import { learn, madeBy, taskOf } from './tasks.js'

const server = { isUp: false, deaths: 0, demoId: '', widths: [96, 320, 640], photoBytesMax: 8 * 1024 * 1024 }

/** The sign-up whose thumbnails are shown large: the last one of the form. */
let shown = { taskId: '', photoId: '' }

// Signing up

async function signUp(name, email, photo) {
  const form = new FormData()
  form.set('name', name)
  form.set('email', email)
  form.set('photo', photo, 'photo.jpg')
  const begunMs = performance.now()
  const answer = await ask('signup', { method: 'POST', body: form })
  const ms = performance.now() - begunMs
  if (answer?.status !== 201) {
    return {
      refused: answer?.body.message ?? 'No answer: the server is down. Nothing was promised; try again in a moment.',
    }
  }
  const signup = { name, at: Date.now(), ms, photoId: answer.body.photoId, tasks: answer.body.tasks }
  acknowledge(signup)
  addSignup(signup, explainTask)
  drawSoon()
  return { signup }
}

byId('signup').addEventListener('submit', (event) => {
  event.preventDefault()
  void submit(new FormData(/** @type {HTMLFormElement} */ (event.target)))
})

/** @param {FormData} form */
async function submit(form) {
  const [name, email] = /** @type {string[]} */ ([form.get('name'), form.get('email')])
  const chosen = /** @type {File} */ (form.get('photo'))
  if (chosen.size > server.photoBytesMax) return showAnswer('bad', '', 'That photograph is larger than 8 MB.')
  const photo = chosen.size > 0 ? chosen : await drawLandscape()
  const { signup, refused } = await signUp(name, email, photo)
  if (signup === undefined) return showAnswer('bad', '', refused)
  showAnswer(
    'good',
    milliseconds(signup.ms),
    'from click to answer, photograph included. By then both tasks were on disk; watch them run.',
  )
  frameThumbnails(signup)
}

function showAnswer(mood, figure, text) {
  byId('answer').dataset.mood = mood
  byId('answer-text').replaceChildren(...(figure ? [element('strong', {}, `Answered in ${figure}`), ' '] : []), text)
}

function frameThumbnails(signup) {
  shown = { taskId: signup.tasks[0].id, photoId: signup.photoId }
  byId('pictures').replaceChildren(
    ...server.widths.map((width) =>
      element('figure', { id: `thumbnail-${width}` }, element('figcaption', {}, `${width} px`)),
    ),
  )
  fillThumbnails()
}

/** Each thumbnail is shown as soon as the task says that it was made. */
function fillThumbnails() {
  for (const width of madeBy(taskOf(shown.taskId))) {
    const frame = byId(`thumbnail-${width}`)
    if (frame === null || frame.querySelector('img') !== null) continue
    const image = element('img', {
      src: `thumbnails/${shown.photoId}-${width}.webp`,
      alt: `The photograph, ${width} pixels wide`,
    })
    image.addEventListener('error', () => image.remove())
    frame.prepend(image)
  }
}

// Trouble

const PEOPLE = [
  'Grace Hopper',
  'Alan Turing',
  'Barbara Liskov',
  'Edsger Dijkstra',
  'Frances Allen',
  'Donald Knuth',
  'Margaret Hamilton',
  'Tony Hoare',
  'Katherine Johnson',
  'John Backus',
  'Radia Perlman',
  'Niklaus Wirth',
  'Adele Goldberg',
  'Ken Thompson',
  'Lynn Conway',
  'Dennis Ritchie',
  'Shafi Goldwasser',
  'Leslie Lamport',
  'Karen Spärck Jones',
  'Jim Gray',
]

/** Browsers open few connections to one server: more than this at once would measure their queue. */
const LANES = 2

async function signUpMany() {
  const photo = await drawLandscape()
  const waiting = [...PEOPLE]
  const results = []
  const lane = async () => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const address = name
        .toLowerCase()
        .normalize('NFD')
        .replaceAll(/[^a-z ]/g, '')
        .replaceAll(' ', '.')
      results.push(await signUp(name, `${address}@example.com`, photo))
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  const answered = results.flatMap(({ signup }) => signup?.ms ?? []).sort((a, b) => a - b)
  const without = results.length - answered.length
  const middle = answered.length > 0 ? `, the middle one in ${milliseconds(answered[answered.length >> 1])}` : ''
  return `${answered.length} answered${middle}.${without > 0 ? ` ${without} got no answer: nothing was promised to them.` : ''} Now kill the server.`
}

/** A button that does something and then says what came of it. */
function onPress(id, action) {
  const button = /** @type {HTMLButtonElement} */ (byId(id))
  const press = async () => {
    button.disabled = true
    say(byId('said'), await action())
    button.disabled = false
  }
  button.addEventListener('click', () => void press())
}

const order = (path) => async () => (await post(path))?.body.message ?? 'No answer: the server is down.'

onPress('many', signUpMany)
onPress('refuse', order('trouble/refuse'))
onPress('restart', order('trouble/restart'))
onPress('kill', order('trouble/kill'))
byId('forget').addEventListener('click', () => {
  forgetAll()
  drawAll()
})

// News

const onNews = {
  hello({ demoId, pid, widths, photoBytesMax, mails, incidents }) {
    // Another data folder: what this page shows is about a store that is not there any more.
    if (server.demoId !== '' && server.demoId !== demoId) return location.reload()
    Object.assign(server, { isUp: true, demoId, widths, photoBytesMax, deaths: 0 })
    setServer('up', `process ${pid} answers`)
    byId('happened').replaceChildren()
    for (const incident of incidents) drawIncident(incident)
    for (const mail of mails) drawMail(mail)
    openLedger(demoId)
    drawAll()
    void askStore()
  },
  task({ startedAt, at, task }) {
    if (!learn(startedAt, task, at)) return
    drawTask(task.id)
    if (task.id === shown.taskId) fillThumbnails()
    refreshExplanation(task.id)
    drawSoon()
  },
  mail: ({ mail }) => drawMail(mail),
  incident: ({ incident }) => drawIncident(incident),
}

/** Asks the store about everything that was ever acknowledged to this page. */
async function askStore() {
  const ids = signups().flatMap(({ tasks }) => tasks.map(({ id }) => id))
  if (ids.length === 0) return
  const answer = await post('tasks/states', { ids: ids.slice(-10_000) })
  if (!answer?.ok) return
  for (const task of answer.body.tasks) if (learn(answer.body.startedAt, task, Date.now())) drawTask(task.id)
  fillThumbnails()
  drawSoon()
}

function listen() {
  const stream = new EventSource('events')
  stream.addEventListener('message', ({ data }) => {
    const news = JSON.parse(data)
    onNews[news.type]?.(news)
  })
  stream.addEventListener('error', () => {
    server.isUp = false
    setServer('down', 'no answer, waiting for the next process')
    drawSoon()
    // Most browsers try again by themselves; some give up when nobody listens on the port.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 300)
  })
}

function drawIncident({ at, text, isDeath }) {
  if (isDeath) server.deaths++
  byId('happened-none').hidden = true
  byId('happened').prepend(
    element('li', { className: isDeath ? 'death' : '' }, element('time', {}, timeOf(at)), ` ${text}`),
  )
  drawSoon()
}

function setServer(state, text) {
  const pill = byId('server')
  document.body.dataset.server = state
  pill.dataset.state = state
  say(pill, text)
}

// Drawing

let isDrawing = false

/** At most once for each frame. */
function drawSoon() {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    drawTally(server)
  })
}

function drawAll() {
  drawSignups(explainTask)
  drawSoon()
}

onOtherTab(drawAll)
setInterval(tick, 200)
listen()
