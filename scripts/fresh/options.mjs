import { BACKGROUND_OPTIONS } from '../../src/background-options.ts'
import { TASK_OPTIONS } from '../../src/define-task.ts'
import { ADD_OPTIONS } from '../../src/model/add-options.ts'
import { LIST_FILTER, LIST_OPTIONS } from '../../src/model/list-options.ts'
import { BETTER_SQLITE3_OPTIONS } from '../../src/sessions/better-sqlite3.ts'
import { KNEX_OPTIONS } from '../../src/sessions/knex.ts'
import { KYSELY_OPTIONS } from '../../src/sessions/kysely.ts'
import { NODE_SQLITE_OPTIONS } from '../../src/sessions/node-sqlite.ts'

const TABLES = {
  '`createBackground(options)`': BACKGROUND_OPTIONS,
  '`defineTask(options)`': TASK_OPTIONS,
  '`add(definition, input, options)`': ADD_OPTIONS,
  '`background.list(filter)`': LIST_FILTER,
  '`background.list(filter, options)`': LIST_OPTIONS,
  '`betterSqlite3Session(database, options)`': BETTER_SQLITE3_OPTIONS,
  '`knexSession(knex, options)`': KNEX_OPTIONS,
  '`kyselySession(db, options)`': KYSELY_OPTIONS,
  '`nodeSqliteSession(database, options)`': NODE_SQLITE_OPTIONS,
}

/** docs/options.md, from the tables that also check the options. */
export function generate() {
  const head = `# Options

Durations are milliseconds or strings such as \`'250ms'\`, \`'30s'\`, \`'5m'\`, \`'2h'\`, \`'1d'\`. An unknown option is refused, with
the name that was probably meant. This page is made from the option tables in \`src/\`.
`
  return `${head}\n${Object.entries(TABLES).map(section).join('\n')}`
}

function section([title, table]) {
  const rows = table.rows.map((row) => {
    const fallback = row.required ? 'required' : row.default === undefined ? '' : `\`${cell(row.default)}\``
    return `| \`${row.name}\` | ${cell(row.expected)} | ${fallback} | ${cell(row.says)} |`
  })
  const rules = table.rules.length === 0 ? '' : `\n${table.rules.map((rule) => `- ${rule}`).join('\n')}\n`
  return `## ${title}\n\n| option | is | default | what it does |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n${rules}`
}

function cell(text) {
  return text.replaceAll('|', '\\|')
}
