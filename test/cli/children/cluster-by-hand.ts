/**
 * `node cluster-by-hand.ts <program> [arguments]`: what people write who bring node:cluster themselves, with two workers.
 * SIGTERM is passed on, as docs/processes.md says, and a worker that died is started again.
 */
import cluster from 'node:cluster'

const [exec = '', ...args] = process.argv.slice(2)
cluster.setupPrimary({ exec, args })
let isStopping = false
for (let i = 0; i < 2; i++) cluster.fork()
cluster.on('exit', () => {
  if (!isStopping) cluster.fork()
})
process.on('SIGTERM', () => {
  isStopping = true
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
})
