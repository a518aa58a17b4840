/** The web server's side of the channel to the supervisor: what it has been told, and how it asks for things. */
import type { Incident, Mail, ToServer, ToSupervisor } from './messages.ts'

export const known = { demoId: '', mails: new Map<string, Mail>(), incidents: [] as Incident[] }

export function tellSupervisor(message: ToSupervisor): void {
  process.send?.(message)
}

/** Keeps what the supervisor says, then passes it on. */
export function listenToSupervisor(heard: (message: ToServer) => void): void {
  process.on('message', (message: ToServer) => {
    if (message.type === 'hello') {
      known.demoId = message.demoId
      for (const mail of message.mails) known.mails.set(mail.messageId, mail)
      known.incidents.push(...message.incidents)
    } else if (message.type === 'mail') known.mails.set(message.mail.messageId, message.mail)
    else known.incidents.push(message.incident)
    heard(message)
  })
  // Without a supervisor there is no mailbox: stop as if asked to.
  if (process.connected) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  else process.kill(process.pid, 'SIGTERM')
}
