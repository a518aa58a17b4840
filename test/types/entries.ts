/** Every entry of the package, so that each of its declarations is compiled as a user's compiler does it. */
import type * as afterword from 'afterword'
import type * as conformance from 'afterword/conformance'
import type * as express from 'afterword/express'
import type * as fastify from 'afterword/fastify'
import type * as hono from 'afterword/hono'
import type * as koa from 'afterword/koa'
import type * as nestjs from 'afterword/nestjs'
import type * as node from 'afterword/node'
import type * as betterSqlite3 from 'afterword/sessions/better-sqlite3'
import type * as sessionConformance from 'afterword/sessions/conformance'
import type * as drizzle from 'afterword/sessions/drizzle'
import type * as knex from 'afterword/sessions/knex'
import type * as kysely from 'afterword/sessions/kysely'
import type * as mikroOrm from 'afterword/sessions/mikro-orm'
import type * as nodeSqlite from 'afterword/sessions/node-sqlite'
import type * as pg from 'afterword/sessions/pg'
import type * as postgresJs from 'afterword/sessions/postgres-js'
import type * as prisma from 'afterword/sessions/prisma'
import type * as typeorm from 'afterword/sessions/typeorm'
import type * as testing from 'afterword/testing'

export type Entries = [
  typeof afterword,
  typeof betterSqlite3,
  typeof conformance,
  typeof drizzle,
  typeof express,
  typeof fastify,
  typeof hono,
  typeof knex,
  typeof koa,
  typeof kysely,
  typeof nestjs,
  typeof node,
  typeof mikroOrm,
  typeof nodeSqlite,
  typeof pg,
  typeof postgresJs,
  typeof prisma,
  typeof sessionConformance,
  typeof testing,
  typeof typeorm,
]
