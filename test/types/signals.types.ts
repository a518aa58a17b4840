/** Which servers `handleSignals` takes, in a user's code. Compiled only, never run. */
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createSecureServer } from 'node:https'
import { serve } from '@hono/node-server'
import type { Background } from 'afterword'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'

declare const background: Background

background.handleSignals({ server: createServer() })
background.handleSignals({ server: createSecureServer(), grace: '5s' })
background.handleSignals({ server: createHttp2Server() })
background.handleSignals({ server: express().listen(0) })
background.handleSignals({ server: new Koa().listen(0) })
background.handleSignals({ server: serve({ fetch: () => new Response('x') }) })
const app = fastify()
background.handleSignals({ close: () => app.close() })
// @ts-expect-error -- the address of a server is no server.
background.handleSignals({ server: 'http://127.0.0.1:3000' })
