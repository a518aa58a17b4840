/** Small helpers for the page. Text only ever becomes text nodes. */

/** @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id))
}

/**
 * `element('li', { className: 'mail' }, 'text', child)`
 *
 * @param {string} tag
 * @param {object} properties
 * @param {...(Node | string)} children
 */
export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/**
 * Changes the text only when it differs: a screen reader repeats what is set.
 *
 * @param {HTMLElement} target
 * @param {string} text
 */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

/** @param {number} at */
export function timeOf(at) {
  return clock.format(at)
}

/** @param {number} ms */
export function milliseconds(ms) {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

/**
 * Calls the server. Resolves to undefined when there is no answer at all.
 *
 * @param {string} path
 * @param {RequestInit} [options]
 */
export async function ask(path, options) {
  try {
    const response = await fetch(path, options)
    return { ok: response.ok, status: response.status, body: await response.json() }
  } catch {
    return undefined
  }
}

/**
 * @param {string} path
 * @param {object} [body]
 */
export function post(path, body) {
  if (body === undefined) return ask(path, { method: 'POST' })
  return ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}
