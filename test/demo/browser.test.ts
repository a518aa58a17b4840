/**
 * The page of the demo in a real Chromium: what a person sees and presses. Skipped where none is installed.
 * `apt-get install chromium` brings one on Debian; CHROMIUM names another.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, it, type TestContext } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { Demo } from './demo.ts'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : `there is no browser at ${executablePath}`
const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking']

let browser: Browser
const people = ['acknowledged', 'finished', 'todo', 'lost']

/** A page of a browser without a past, and all that it asks for. */
async function open(t: TestContext, url: string): Promise<{ page: Page; asked: string[]; errors: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  t.after(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const asked: string[] = []
  const errors: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  page.on('pageerror', (error) => errors.push(error.message))
  await page.goto(url)
  await page.locator('#server[data-state=up]').waitFor()
  return { page, asked, errors }
}

/** acknowledged, finished, to do, lost */
function tally(page: Page): Promise<number[]> {
  return Promise.all(people.map(async (id) => Number(await page.locator(`#${id}`).textContent())))
}

describe('the page', { skip }, () => {
  before(async () => {
    browser = await chromium.launch({ executablePath, args })
  })
  after(() => browser.close())

  it('shows how fast a sign-up was answered, then its thumbnails, its tasks and its mail as they come', async (t) => {
    const { url } = await Demo.start(t)
    const { page, asked, errors } = await open(t, url)
    const name = '<img src=x onerror="window.broken = true">'
    await page.getByLabel('Name').fill(name)
    await page.getByRole('button', { name: 'Sign up', exact: true }).click()
    await page.getByText(/^Answered in [\d.]+ ms$/).waitFor()
    await page.getByText('All 2 acknowledged tasks have run.').waitFor()

    assert.deepEqual(await tally(page), [2, 2, 0, 0])
    const widths = await page
      .getByRole('img', { name: /The photograph/ })
      .evaluateAll((images) => images.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth))
    assert.deepEqual(widths, [96, 320, 640])
    assert.deepEqual(await page.locator('.step span').allTextContents(), ['done', 'done'])
    await page.getByText(`Welcome, ${name}`).waitFor()
    assert.equal(await page.evaluate('window.broken'), undefined)
    assert.deepEqual(
      asked.filter((address) => !address.startsWith(url)),
      [],
    )
    assert.deepEqual(errors, [])
  })

  it('counts every task that it was promised, through kill -9 and a reload', async (t) => {
    const { url } = await Demo.start(t)
    const { page, errors } = await open(t, url)
    await page.getByRole('button', { name: 'Refuse 2 mails' }).click()
    await page.getByRole('button', { name: 'Add 20 sign-ups' }).click()
    await page.getByText(/^20 answered, the middle one in [\d.]+ ms/).waitFor()
    await page.getByRole('button', { name: 'kill -9 the server' }).click()
    await page.locator('#server[data-state=down]').waitFor()
    await page.locator('#server[data-state=up]').waitFor()
    const verdict = page.getByText('All 40 acknowledged tasks have run, although the server was killed once.')
    await verdict.waitFor()
    assert.deepEqual(await tally(page), [40, 40, 0, 0])
    assert.equal(await page.getByText('is gone (SIGKILL)').count(), 1)

    await page.reload()
    await verdict.waitFor()
    assert.deepEqual(await tally(page), [40, 40, 0, 0])
    assert.deepEqual(errors, [])
  })

  it('explains a task that is chosen', async (t) => {
    const { url } = await Demo.start(t)
    const { page } = await open(t, url)
    await page.getByRole('button', { name: 'Sign up', exact: true }).click()
    await page.getByText('All 2 acknowledged tasks have run.').waitFor()
    await page.getByRole('button', { name: 'send-welcome' }).click()
    const dialog = page.getByRole('dialog', { name: 'send-welcome' })
    await dialog.getByText('Task "send-welcome" has ended: succeeded.').waitFor()
    await dialog.getByText('a power cut').waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
  })

  it('says what is wrong with a photograph', async (t) => {
    const { url } = await Demo.start(t)
    const { page } = await open(t, url)
    const choose = (buffer: Buffer) =>
      page.getByLabel('Photograph').setInputFiles({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer })
    await choose(Buffer.from('hello'))
    await page.getByRole('button', { name: 'Sign up', exact: true }).click()
    await page.getByText('That is not a photograph that I can read').waitFor()
    await choose(Buffer.alloc(8 * 1024 * 1024 + 1))
    await page.getByRole('button', { name: 'Sign up', exact: true }).click()
    await page.getByText('That photograph is larger than 8 MB.').waitFor()
    assert.deepEqual(await tally(page), [0, 0, 0, 0])
  })

  it('fits a phone, in light and in dark', async (t) => {
    const { url } = await Demo.start(t)
    const { page } = await open(t, url)
    await page.getByRole('button', { name: 'Sign up', exact: true }).click()
    await page.getByText('All 2 acknowledged tasks have run.').waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      // Colours fade from one scheme to the other: on the way between them some contrast is low.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const width of [320, 390, 768, 1280]) {
        await page.setViewportSize({ width, height: 844 })
        const wide = await page.evaluate('document.documentElement.scrollWidth')
        assert.equal(wide, width, `It is ${String(wide)} wide on a screen of ${width}.`)
      }
      assert.ok((await lowestContrast(page)) >= 4.5, `Some text of ${colorScheme} is hard to read.`)
    }
  })
})

/** The lowest contrast of any text with what lies behind it, as WCAG 2.2 computes it. Runs in the page. */
function lowestContrast(page: Page): Promise<number> {
  return page.evaluate(CONTRAST) as Promise<number>
}

const CONTRAST = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1)
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1) }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
  }
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = (element) => element ? [...behind(element.parentElement), getComputedStyle(element).backgroundColor] : ['white']
  const texts = [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
  return Math.min(...texts.map((element) => {
    const back = behind(element)
    const [a, b] = [light(paint(back)), light(paint([...back, getComputedStyle(element).color]))].sort((x, y) => y - x)
    return (a + 0.05) / (b + 0.05)
  }))
})()`
