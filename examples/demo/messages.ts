/** What the supervisor (main.ts) and the web server (server.ts) tell each other over the channel between them. */

/** A mail as the mailbox keeps it. */
export interface Mail {
  /** Its Message-ID. Mails with the same one are the same mail, however often they are delivered. */
  readonly messageId: string
  readonly to: string
  readonly subject: string
  readonly text: string
  /** When it was delivered, in milliseconds since the Unix epoch: one entry for each delivery. */
  readonly deliveredAt: readonly number[]
}

/** Something that happened to the web server, for the page and for the terminal. */
export interface Incident {
  readonly at: number
  readonly text: string
  /** It died of a signal. */
  readonly isDeath: boolean
}

/** From the supervisor to the web server. */
export type ToServer =
  /** First of all: what the last web server can no longer tell. */
  | { readonly type: 'hello'; readonly demoId: string; readonly mails: Mail[]; readonly incidents: Incident[] }
  | { readonly type: 'mail'; readonly mail: Mail }
  | { readonly type: 'incident'; readonly incident: Incident }

/** From the web server to the supervisor. */
export type ToSupervisor =
  | { readonly type: 'listening'; readonly port: number; readonly unfinished: number }
  | { readonly type: 'happened'; readonly text: string }
  /** The page's buttons. */
  | { readonly type: 'kill'; readonly unfinished: number }
  | { readonly type: 'restart' }
  | { readonly type: 'refuse'; readonly times: number }
