/**
 * The page's own list of what was acknowledged: one entry for each sign-up that was answered with 201. It lives in this
 * browser, so that the store cannot vouch for itself. A list belongs to one data folder, told by its id.
 */

/**
 * @typedef {{ id: string, name: string }} PromisedTask
 * @typedef {{ name: string, at: number, ms: number, photoId?: string, tasks: PromisedTask[] }} Signup
 */

let key = ''

/** @param {string} demoId */
export function openLedger(demoId) {
  key = `afterword-demo-${demoId}`
}

/** @returns {Signup[]} oldest first */
export function signups() {
  return JSON.parse(localStorage.getItem(key) ?? '[]')
}

/**
 * Reads before it writes: another tab may have added something.
 *
 * @param {Signup} signup
 */
export function acknowledge(signup) {
  localStorage.setItem(key, JSON.stringify([...signups(), signup]))
}

export function forgetAll() {
  localStorage.removeItem(key)
}

/**
 * Calls back when another tab has changed the list.
 *
 * @param {() => void} changed
 */
export function onOtherTab(changed) {
  addEventListener('storage', (event) => {
    if (event.key === key) changed()
  })
}
