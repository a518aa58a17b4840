/**
 * The house rules. Each is tried twice: on the project, where nothing may be found, and on a planted breach, which has to be
 * found, so that a rule that cannot fail does not pass for one that is kept.
 */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { strayStatements, systemUses, wallClockWaits } from './tidy/calls.ts'
import { foreignWords, leftovers, longFiles, longFunctions, orphans, typeEscapes, undocumented } from './tidy/files.ts'
import { frontDoorCode, layerBreaches, strangePackages } from './tidy/layers.ts'
import { parse, readSources, root, type Source } from './tidy/source.ts'

/** What a rule lets pass, file by file: `[rule, path, reason]`. One that is not needed any more fails its rule. */
const EXCEPTIONS: readonly (readonly [rule: string, path: string, because: string])[] = [
  [
    'packages',
    'src/adapters/nestjs.ts',
    'a module and a parameter decorator are made by @nestjs/common, the optional peer of this entry',
  ],
]

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
}
const dependencies = Object.keys(manifest.dependencies)
const entries = Object.values(manifest.exports)
  .filter((entry) => typeof entry !== 'string')
  .map((entry) => entry.default.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts'))

const src = readSources('src/**/*.ts')
const tests = readSources('test/**/*.ts')
/** The instruments that judge the sources are written like them. */
const proof = readSources('proof/**/*.ts')
const all = [...src, ...tests, ...proof, ...readSources('{examples,bench,scripts}/**/*.{ts,mjs}')]

/** Asserts that a rule found nothing but its exceptions, and each of those. */
function assertTidy(rule: string, findings: readonly string[]): void {
  const exceptions = EXCEPTIONS.filter(([name]) => name === rule)
  const isAbout = (finding: string, path: string) => finding.startsWith(`${path}:`) || finding.startsWith(`${path} `)
  const found = findings.filter((finding) => !exceptions.some(([, path]) => isAbout(finding, path)))
  const unneeded = exceptions.filter(([, path]) => !findings.some((finding) => isAbout(finding, path)))
  const messages = [...found, ...unneeded.map(([, path]) => `${path} needs no exception from ${rule} any more`)]
  if (messages.length > 0) assert.fail(messages.join('\n'))
}

/** Asserts what a rule says about a text that is planted at a path. */
function assertCaught(rule: (sources: Source[]) => string[], path: string, text: string, ...messages: string[]): void {
  assert.deepEqual(rule([parse(path, text)]), messages)
}

describe('layers', () => {
  test('every file imports only what its layer may', () => assertTidy('layers', layerBreaches(src)))

  test('an engine that imports a store is caught', () => {
    const breach = "import { x } from '../stores/sqlite/rows.ts'"
    const message = 'src/engine/worker.ts:1 imports stores/sqlite: engine may import ports, model'
    assertCaught(layerBreaches, 'src/engine/worker.ts', breach, message)
    assertCaught(layerBreaches, 'src/engine/worker.ts', breach.replace('import', 'import type'), message)
    assertCaught(layerBreaches, 'src/engine/worker.ts', "await import('../stores/sqlite/rows.ts')", message)
    assertCaught(layerBreaches, 'src/engine/worker.ts', "export * from '../stores/sqlite/rows.ts'", message)
    assertCaught(layerBreaches, 'src/engine/worker.ts', "import { x } from '../model/task.ts'")
  })

  test('a store that imports another store is caught', () => {
    const message = 'src/stores/postgres/rows.ts:1 imports stores/sqlite: stores may import ports, model'
    assertCaught(layerBreaches, 'src/stores/postgres/rows.ts', "import '../sqlite/rows.ts'", message)
    assertCaught(layerBreaches, 'src/stores/sqlite/store.ts', "import './rows.ts'")
  })

  test('a model that imports anything of ours is caught', () => {
    const message = 'src/model/task.ts:1 imports ports: model may import nothing of ours'
    assertCaught(layerBreaches, 'src/model/task.ts', "import '../ports/clock.ts'", message)
  })

  test('an adapter that goes around the front door is caught', () => {
    const message = 'src/adapters/koa.ts:1 imports engine: adapters may import the front door (index.ts)'
    assertCaught(layerBreaches, 'src/adapters/koa.ts', "import '../engine/runner.ts'", message)
    assertCaught(layerBreaches, 'src/adapters/koa.ts', "import '../index.ts'; import './node.ts'")
  })

  test('a wiring file that imports an adapter, or the front door, is caught', () => {
    const may = 'a file in src/ may import all but adapters, celery, cli, dashboard, doctor, testing'
    const text = "import './adapters/koa.ts'\nimport './index.ts'\nimport './engine/runner.ts'"
    assertCaught(
      layerBreaches,
      'src/background.ts',
      text,
      `src/background.ts:1 imports adapters: ${may}`,
      `src/background.ts:2 imports index.ts: ${may}`,
    )
  })

  test('a folder without a layer is caught', () => {
    assertCaught(layerBreaches, 'src/utils/x.ts', '', 'src/utils/x.ts lies in no layer: add src/utils to LAYERS')
  })

  test('the front door holds re-exports only', () => {
    assertTidy('front-door', frontDoorCode(src))
    const message = 'src/index.ts:2 is more than a re-export: the front door holds no code'
    assertCaught(frontDoorCode, 'src/index.ts', "export { a } from './a.ts'\nexport const b = 1", message)
  })

  test('the sources import no package that a user would not have', () => {
    assertTidy('packages', strangePackages(src, dependencies))
    const breach = "import { z } from 'zod/mini'\nimport 'node:fs'\nimport * as devalue from 'devalue'"
    const rule = (sources: Source[]) => strangePackages(sources, dependencies)
    assertCaught(rule, 'src/model/x.ts', breach, 'src/model/x.ts:1 imports zod/mini, which is no dependency')
    assertCaught(rule, 'src/adapters/hono.ts', "import type { Hono } from 'hono'")
    const value = 'src/adapters/hono.ts:1 imports hono, which is no dependency'
    assertCaught(rule, 'src/adapters/hono.ts', "import { Hono } from 'hono'", value)
  })
})

describe('sizes', () => {
  const lines = (count: number) => 'x()\n'.repeat(count)

  test('no function is longer than 70 lines', () => {
    assertTidy('function-size', longFunctions([...src, ...proof]))
    assertCaught(longFunctions, 'src/a.ts', `function f() {\n${lines(68)}}`)
    const message = 'src/a.ts:1 is 71 lines: functions stop at 70'
    assertCaught(longFunctions, 'src/a.ts', `function f() {\n${lines(69)}}`, message)
    assertCaught(longFunctions, 'src/a.ts', `const f = () => {\n${lines(69)}}`, message)
  })

  test('no file is longer than 500 lines', () => {
    assertTidy('file-size', longFiles([...src, ...proof]))
    assertCaught(longFiles, 'src/a.ts', lines(500))
    assertCaught(longFiles, 'src/a.ts', lines(501), 'src/a.ts is 501 lines: files stop at 500')
  })
})

describe('calls', () => {
  test('the clock, chance and timers of the system are used in ports/system.ts only', () => {
    assertTidy('system', systemUses(src))
  })

  test('every way to the clock, to chance and to timers is caught', () => {
    const breaches = {
      'Date.now()': 'Date.now',
      'new Date()': 'the current Date',
      'Date()': 'the current Date',
      'Math.random()': 'Math.random',
      'setTimeout(f, 1)': 'setTimeout',
      'globalThis.setTimeout(f, 1)': 'setTimeout',
      'const later = setImmediate': 'setImmediate',
      "import { setInterval } from 'node:timers/promises'": 'setInterval',
      "import { randomUUID } from 'node:crypto'": 'randomUUID',
      'crypto.randomUUID()': 'randomUUID',
      'performance.now()': 'performance.now',
      'process.hrtime.bigint()': 'process.hrtime',
      'AbortSignal.timeout(5)': 'AbortSignal.timeout',
    }
    for (const [text, name] of Object.entries(breaches)) {
      assertCaught(systemUses, 'src/a.ts', text, `src/a.ts:1 uses ${name}: only ports/system.ts may, ask for a port`)
      assertCaught(systemUses, 'src/ports/system.ts', text)
    }
  })

  test('a date that is given, and a port of the same name, pass', () => {
    assertCaught(systemUses, 'src/a.ts', 'new Date(at); clock.setTimeout(f); clock.now(); type T = typeof setTimeout')
  })

  test('no test waits for the wall clock', () => {
    assertTidy('waits', wallClockWaits(tests))
    const message = 'test/a.ts:1 uses sleep: wait for what should happen, not for time'
    assertCaught(wallClockWaits, 'test/a.ts', 'await sleep(5)', message)
    assertCaught(wallClockWaits, 'test/a.ts', 'setTimeout(f, 5)', message.replace('sleep', 'setTimeout'))
  })

  test('SQL stands in the statements and the migrations of a store', () => {
    assertTidy('sql', strayStatements(src))
    const message = 'src/engine/a.ts:1 holds SQL: it belongs into statements.ts or the migrations of its store'
    for (const text of ["'SELECT 1'", '`DELETE FROM ${table}`', '`${x} UPDATE task SET a = 1`', "'INSERT INTO task'"]) {
      assertCaught(strayStatements, 'src/engine/a.ts', text, message)
      assertCaught(strayStatements, 'src/stores/sqlite/statements.ts', text)
      assertCaught(strayStatements, 'src/stores/sqlite/migrations/0001.ts', text)
    }
    assertCaught(strayStatements, 'src/engine/a.ts', "// SELECT\nconst select = 'Select one'")
  })
})

describe('words and comments', () => {
  test('nothing is left to be done', () => {
    assertTidy('leftovers', leftovers(all))
    const word = ['TO', 'DO'].join('')
    assertCaught(leftovers, 'src/a.ts', `a\n// ${word}: b`, `src/a.ts:2 says ${word}: do it, or file an issue`)
  })

  test('the type checker is never switched off', () => {
    assertTidy('type-escapes', typeEscapes(src))
    const ignore = ['@ts', 'ignore'].join('-')
    assertCaught(
      typeEscapes,
      'src/a.ts',
      `// ${ignore}\nx as any`,
      'src/a.ts:2 says "as any": name the type, or use unknown',
      `src/a.ts:1 says ${ignore}: make the types right`,
    )
  })

  test('a thing has one name', () => {
    assertTidy('words', foreignWords(src))
    const message = (name: string) => `src/a.ts:1 names something ${name}: we say task, and add`
    for (const name of ['job', 'runJobs', 'JobRow', 'job_id', 'enqueue', 'enqueueAll', 'queueTask', '#job']) {
      const text = name.startsWith('#') ? `class A { ${name} = 1 }` : `let ${name}`
      assertCaught(foreignWords, 'src/a.ts', text, message(name))
    }
    assertCaught(foreignWords, 'src/a.ts', "let jobless, queue; 'job'")
  })

  test('every exported name has a docstring', () => {
    assertTidy('docstrings', undocumented([...src, ...proof]))
    for (const text of ['const a = 1', 'function a() {}', 'class a {}', 'interface a {}', 'type a = 1']) {
      assertCaught(undocumented, 'src/a.ts', `export ${text}`, 'src/a.ts:1 exports a without a docstring')
      assertCaught(undocumented, 'src/a.ts', `// no\nexport ${text}`, 'src/a.ts:2 exports a without a docstring')
      assertCaught(undocumented, 'src/a.ts', `/** Yes. */\nexport ${text}`)
      assertCaught(undocumented, 'src/a.ts', text)
    }
  })
})

describe('reach', () => {
  test('every file is reached from an entry of the package or from a test', () => {
    assertTidy('orphans', orphans(all, entries))
  })

  test('a file that nothing leads to is caught', () => {
    const files = [
      parse('src/index.ts', "export { a } from './a.ts'"),
      parse('src/a.ts', "new Worker(new URL('./isolates/b.js', import.meta.url)); import './a.ts'"),
      parse('src/isolates/b.ts', ''),
      parse('src/c.ts', "import './a.ts'"),
      parse('test/d.test.ts', "fork(join(import.meta.dirname, 'children', 'e.ts'))"),
      parse('test/children/e.ts', ''),
      parse('test/f.ts', "fork('g.ts')"),
      parse('test/children/g.ts', ''),
    ]
    assert.deepEqual(orphans(files, ['src/index.ts']), [
      'src/c.ts is reached from no entry and no test',
      'test/f.ts is reached from no entry and no test',
      'test/children/g.ts is reached from no entry and no test',
    ])
  })

  test('every entry of the package has its source', () => {
    assert.deepEqual(
      entries.filter((path) => !existsSync(join(root, path))),
      [],
    )
  })

  const map = join(root, 'ARCHITECTURE.md')
  const skip = existsSync(map) ? false : 'ARCHITECTURE.md is not written yet'
  test('every folder of src/ has its line in ARCHITECTURE.md', { skip }, () => {
    const text = readFileSync(map, 'utf8')
    const folders = globSync('src/**/', { cwd: root }).map((path) => path.replaceAll('\\', '/').replace(/\/$/, ''))
    assert.deepEqual(
      folders.filter((path) => path !== 'src' && !text.includes(`${path.replace('src/', '')}/`)),
      [],
    )
  })
})
