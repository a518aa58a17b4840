/**
 * The mailbox: a real SMTP server that keeps what it receives in a file, one line of JSON for each delivery. It lives in the
 * supervisor, so it survives when the web server is killed, and can testify to what was sent, and how often.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import PostalMime from 'postal-mime'
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server'
import type { Mail } from './messages.ts'

/** Real mail servers look at a mail for a while before they accept it. It leaves you time to kill something. */
const INSPECTION_MS = 900

/** Who wants to know what happens in the mailbox. */
interface Told {
  received(mail: Mail): void
  /** A mail was turned away, and so will be the next `left`. */
  refused(left: number): void
}

export class Mailbox {
  readonly mails = new Map<string, Mail>()
  readonly #file: string
  readonly #told: Told
  readonly #server: SMTPServer
  #refusals = 0

  constructor(file: string, told: Told) {
    this.#file = file
    this.#told = told
    if (existsSync(file)) {
      for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) this.#add(JSON.parse(line) as Mail)
    }
    this.#server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      size: 1_000_000,
      closeTimeout: 1000,
      onRcptTo: (_address, _session, answer) => answer(this.#refuses() ? refusal() : undefined),
      onData: (stream, _session, answer) => void this.#receive(stream).then(() => answer(), answer),
    })
  }

  /** Resolves to the port. */
  async listen(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(0, '127.0.0.1', resolve)
    await promise
    // A client that dies in the middle of a mail is no reason to stop.
    this.#server.off('error', reject).on('error', () => undefined)
    return (this.#server.server.address() as { port: number }).port
  }

  /** Turns the next mails away, for now: their senders will try again. */
  refuse(times: number): void {
    this.#refusals = times
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(resolve))
  }

  #refuses(): boolean {
    if (this.#refusals === 0) return false
    this.#refusals--
    this.#told.refused(this.#refusals)
    return true
  }

  /** A mail that has arrived completely is kept, whether or not its sender lives to hear that. */
  async #receive(stream: SMTPServerDataStream): Promise<void> {
    const { messageId = '', to = [], subject = '', text = '' } = await PostalMime.parse(await buffer(stream))
    await wait(INSPECTION_MS)
    const delivery = { messageId, to: to[0]?.address ?? '', subject, text, deliveredAt: [Date.now()] }
    appendFileSync(this.#file, `${JSON.stringify(delivery)}\n`)
    this.#told.received(this.#add(delivery))
  }

  /** The Message-ID tells a second delivery of a mail from a second mail. */
  #add(delivery: Mail): Mail {
    const known = this.mails.get(delivery.messageId)
    const deliveredAt = [...(known?.deliveredAt ?? []), ...delivery.deliveredAt]
    const mail = { ...delivery, deliveredAt }
    this.mails.set(mail.messageId, mail)
    return mail
  }
}

function refusal(): Error {
  return Object.assign(new Error('4.3.0 The mailbox is out for lunch, please try again'), { responseCode: 451 })
}
