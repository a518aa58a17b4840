/**
 * A process with a presence: `node presence-peer.ts <database file> <incarnation> [<peer>…]`. It arrives, reports what
 * it hears over IPC, and does what it is told. It never leaves by itself, and only its IPC channel keeps it alive.
 */
import { systemClock } from '../../../src/ports/system.ts'
import { SqlitePresence } from '../../../src/stores/sqlite/presence.ts'
import type { PeerEvent, PeerOrder } from '../peer-process.ts'

const [file = '', self = '', ...peers] = process.argv.slice(2)
const say = (event: PeerEvent): void => {
  if (process.connected) process.send?.(event)
}

const presence = new SqlitePresence({
  file,
  clock: systemClock,
  onDegraded: (reason) => say({ event: 'degraded', reason }),
})
presence.onRing = () => say({ event: 'rang' })
presence.onGone = (peer) => say({ event: 'gone', peer, probe: presence.probe(peer) })

process.on('message', (order: PeerOrder) => {
  if (order.do === 'ring') presence.ring()
  if (order.do === 'ringOne') presence.ringOne(order.peer)
  if (order.do === 'probe') say({ event: 'probed', peer: order.peer, probe: presence.probe(order.peer) })
  if (order.do === 'leave') void presence.leave().then(() => say({ event: 'left' }))
  if (order.do === 'breakOff') void presence.breakOff().then(() => say({ event: 'broken off' }))
  if (order.do === 'disconnect') process.disconnect()
})

await presence.arrive(Number(self), peers.map(Number))
say({ event: 'arrived' })
