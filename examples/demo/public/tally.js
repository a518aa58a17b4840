/** The count: what was acknowledged to this page against what the store says. */
import { byId, say } from './dom.js'
import { signups } from './ledger.js'
import { isFinal, taskOf } from './tasks.js'

/** @param {{ isUp: boolean, deaths: number }} server */
export function drawTally(server) {
  const states = signups().flatMap(({ tasks }) => tasks.map(({ id }) => taskOf(id)?.state))
  const count = (test) => states.filter(test).length
  const tally = {
    acknowledged: states.length,
    finished: count((state) => state === 'succeeded'),
    aside: count((state) => state !== undefined && isFinal(state) && state !== 'succeeded'),
    lost: count((state) => state === 'unknown'),
  }
  const todo = tally.acknowledged - tally.finished - tally.aside - tally.lost
  for (const [id, value] of Object.entries({ ...tally, todo })) say(byId(id), String(value))
  byId('aside-cell').hidden = tally.aside === 0
  byId('lost-cell').dataset.bad = String(tally.lost > 0)
  const share = (value) => `${tally.acknowledged === 0 ? 0 : (value / tally.acknowledged) * 100}%`
  byId('bar-finished').style.width = share(tally.finished)
  byId('bar-aside').style.width = share(tally.aside)
  byId('kill').classList.toggle('hot', todo > 0)
  const verdict = byId('verdict')
  verdict.dataset.mood =
    tally.lost > 0 ? 'bad' : tally.acknowledged > 0 && todo === 0 && tally.aside === 0 ? 'good' : 'open'
  say(verdict, inWords({ ...tally, todo }, server))
}

function inWords({ acknowledged, finished, aside, lost, todo }, { isUp, deaths }) {
  if (acknowledged === 0) return 'Nothing has been promised yet.'
  if (lost > 0) {
    return 'The store does not know all of them. That is the one thing that must not happen: please report it.'
  }
  if (!isUp) {
    return todo > 0
      ? 'The server is dead. What is still to do lies in its store.'
      : 'The server is dead, and had nothing left to do.'
  }
  if (todo > 0) return 'Some of them are still to do.'
  if (aside > 0) {
    return 'Some were set aside: they failed for good, or three servers died with them. Choose one to see why and to run it again.'
  }
  const killed = deaths === 0 ? '' : `, although the server was killed ${deaths === 1 ? 'once' : `${deaths} times`}`
  return `All ${finished} acknowledged tasks have run${killed}.`
}
