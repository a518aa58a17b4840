/**
 * What runs in a process of `afterword start` before the application does. In a web process it is preloaded (`--import`), so
 * that the application is started as by `node ENTRY`: it is the main module. A worker has this file as its main module and imports the
 * application, so that what an application does only as the main module (`import.meta.main`), such as to listen, is not done in workers.
 *
 * Threads and processes that the application starts inherit the preload; for them it does nothing.
 */
import { isMainThread } from 'node:worker_threads'

const given = process.env['AFTERWORD_PROCESS']
if (given !== undefined && isMainThread) {
  delete process.env['AFTERWORD_PROCESS']
  const { hostSupervised } = await import('./hosting.ts')
  hostSupervised(JSON.parse(given))
}
