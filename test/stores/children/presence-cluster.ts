/**
 * The primary of a cluster whose only worker is a presence peer; takes the same arguments and orders. On `disconnect`
 * it kills its worker and lives on.
 */
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { PeerEvent, PeerOrder } from '../peer-process.ts'

cluster.setupPrimary({
  exec: fileURLToPath(new URL('presence-peer.ts', import.meta.url)),
  args: process.argv.slice(2),
})
const worker = cluster.fork()
worker.on('message', (event: PeerEvent) => void process.send?.(event))
process.on('message', (order: PeerOrder) => {
  if (order.do === 'disconnect') worker.process.kill('SIGKILL')
  else worker.send(order)
})
