/** A client on a thread of its own: tells over shared memory that it has the whole answer. */
import { connect } from 'node:net'
import { workerData } from 'node:worker_threads'

const { port, flag } = workerData as { port: number; flag: Int32Array }
const socket = connect(port, '127.0.0.1')
socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
socket.resume().on('end', () => {
  Atomics.store(flag, 0, 1)
  Atomics.notify(flag, 0)
})
