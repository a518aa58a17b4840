/** The mails that arrived, one entry for each Message-ID. */
import { byId, element, say, timeOf } from './dom.js'

const SHOWN_MAX = 40

/** @type {Map<string, import('../messages.ts').Mail>} */
const mails = new Map()
/** @type {Map<string, HTMLElement>} */
const entries = new Map()

/** @param {import('../messages.ts').Mail} mail */
export function drawMail(mail) {
  mails.set(mail.messageId, mail)
  const entry = entryOf(mail)
  entries.get(mail.messageId)?.remove()
  entries.set(mail.messageId, entry)
  const list = byId('mails')
  list.prepend(entry)
  while (list.children.length > SHOWN_MAX) list.lastElementChild?.remove()
  drawCount()
}

function drawCount() {
  const twice = [...mails.values()].filter(({ deliveredAt }) => deliveredAt.length > 1).length
  byId('mails-none').hidden = mails.size > 0
  const doubled = twice === 0 ? '' : `, ${twice} of them delivered more than once`
  say(byId('mail-count'), mails.size === 0 ? '' : `${mails.size} ${mails.size === 1 ? 'mail' : 'mails'}${doubled}`)
}

function entryOf({ messageId, to, subject, text, deliveredAt }) {
  const times = deliveredAt.length
  const badge = times > 1 ? [element('span', { className: 'badge' }, `delivered ${times} times, kept once`)] : []
  const summary = element(
    'summary',
    {},
    element('b', {}, subject),
    element('small', {}, `${to} · ${timeOf(deliveredAt[0])}`),
    ...badge,
  )
  const body = element('pre', {}, text.trim())
  return element(
    'li',
    { className: 'mail' },
    element('details', {}, summary, body, element('code', {}, `Message-ID: ${messageId}`)),
  )
}
