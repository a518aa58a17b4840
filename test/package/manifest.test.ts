/** What a user gets with the package, and what the repository promises to whoever installs it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>
  readonly bin: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, unknown>>
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly link?: boolean }>>
}

const manifest = readJson('package.json') as Manifest

describe('the package', () => {
  test('brings three small libraries and nothing else', () => {
    assert.deepEqual(Object.keys(manifest.dependencies), ['@standard-schema/spec', 'commander', 'devalue'])
    assert.equal('optionalDependencies' in manifest, false)
  })

  test('asks for no framework', () => {
    const optional = Object.entries(manifest.peerDependenciesMeta).flatMap(([name, { optional }]) =>
      optional ? name : [],
    )
    assert.deepEqual(Object.keys(manifest.peerDependencies).toSorted(), optional.toSorted())
  })

  test('brings a command that Node can run', () => {
    assert.deepEqual(Object.keys(manifest.bin), ['afterword'])
    const source = readFileSync(new URL('../../src/cli/main.ts', import.meta.url), 'utf8')
    assert.match(source, /^#!\/usr\/bin\/env node\n/)
    assert.equal(manifest.bin['afterword'], 'dist/cli/main.js')
  })

  test('runs nothing when it is installed', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare']
    assert.deepEqual(
      hooks.filter((name) => name in manifest.scripts),
      [],
    )
  })

  test('has one file for types and one for code behind each entry', () => {
    for (const [path, entry] of Object.entries(manifest.exports)) {
      if (path === './package.json') continue
      const { types } = entry as { readonly types: string }
      assert.deepEqual(entry, { types, default: types.replace(/\.d\.ts$/, '.js') })
    }
  })
})

describe('the repository', () => {
  test('pins the version of every tool', () => {
    const loose = Object.entries(manifest.devDependencies).filter(
      ([, version]) => !/^(npm:[^@]+@)?\d+\.\d+\.\d+$/.test(version),
    )
    assert.deepEqual(loose, [])
  })

  test('has a lock file that names no registry', () => {
    const { packages } = readJson('package-lock.json') as LockFile
    const named = Object.entries(packages).filter(([, { resolved, link }]) => resolved !== undefined && link !== true)
    assert.deepEqual(named, [])
  })
})
