/** Who may import whom. Every rule answers with one line for each breach. */
import ts from 'typescript-5'
import { at, importsOf, resolve, type Source } from './source.ts'

const FRONT_DOOR = 'the front door (index.ts)'
const WIRING = 'the files in src/'

/** The folders of src/ and what each may import besides itself. A folder that is not here may not exist. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  model: [],
  ports: ['model'],
  engine: ['ports', 'model'],
  http: ['ports', 'model'],
  // An isolate makes the same attempts as the engine: its context, its codec, its sessions, its errors.
  isolates: ['engine', 'sessions', 'ports', 'model'],
  pulse: ['ports', 'model'],
  sessions: ['ports', 'model'],
  stores: ['ports', 'model'],
  adapters: [FRONT_DOOR],
  celery: [FRONT_DOOR],
  // Its time and its timers come from the ports, as everybody's do.
  cli: [FRONT_DOOR, 'ports', 'model'],
  dashboard: [FRONT_DOOR],
  doctor: [FRONT_DOOR],
  // It wires a background of its own, as background.ts does.
  testing: [FRONT_DOOR, WIRING, 'stores/sqlite', 'ports', 'model'],
}

/** Folders on top of the front door; the files directly in src/ wire everything that lies below it. */
const ON_TOP = Object.keys(LAYERS).filter((layer) => LAYERS[layer]?.includes(FRONT_DOOR))

/** Where a file belongs: its folder in src/, one folder deeper for stores; '' for the files directly in src/. */
function roomOf(path: string): string {
  const [first = '', second = '', third] = path.replace(/^src\//, '').split('/')
  if (second === '') return ''
  return first === 'stores' && third !== undefined ? `stores/${second}` : first
}

/** Imports that leave their layer in a direction that the table does not allow. */
export function layerBreaches(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const from = roomOf(source.path)
    const layer = from.split('/')[0] ?? ''
    const allowed = LAYERS[layer]
    if (layer !== '' && allowed === undefined) return [`${source.path} lies in no layer: add src/${layer} to LAYERS`]
    return importsOf(source)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter(({ specifier }) => !mayImport(from, resolve(source, specifier)))
      .map(({ node, specifier }) => {
        const to = roomOf(resolve(source, specifier)) || resolve(source, specifier).replace('src/', '')
        const may = allowed === undefined ? `all but ${ON_TOP.join(', ')}` : allowed.join(', ') || 'nothing of ours'
        return `${at(source, node)} imports ${to}: ${layer || 'a file in src/'} may import ${may}`
      })
  })
}

function mayImport(from: string, target: string): boolean {
  const to = roomOf(target)
  if (!target.startsWith('src/')) return false
  if (from === to) return from !== '' || target !== 'src/index.ts'
  if (from === '') return !ON_TOP.includes(to)
  const allowed = LAYERS[from.split('/')[0] ?? ''] ?? []
  if (to === '' && target !== 'src/index.ts') return allowed.includes(WIRING)
  return allowed.includes(to) || (allowed.includes(FRONT_DOOR) && target === 'src/index.ts')
}

/** Statements of the front door that are more than a re-export. */
export function frontDoorCode(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path === 'src/index.ts')
    .flatMap((source) =>
      source.tree.statements
        .filter((statement) => !ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined)
        .map((statement) => `${at(source, statement)} is more than a re-export: the front door holds no code`),
    )
}

/** Packages that a user would not have: neither a dependency, nor in an adapter the types of its framework. */
export function strangePackages(sources: readonly Source[], dependencies: readonly string[]): string[] {
  return sources.flatMap((source) =>
    importsOf(source)
      .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
      .filter(({ specifier }) => !dependencies.includes(packageOf(specifier)))
      .filter(({ isTypeOnly }) => !(isTypeOnly && /^src\/(adapters|sessions)\//.test(source.path)))
      .map(({ node, specifier }) => `${at(source, node)} imports ${specifier}, which is no dependency`),
  )
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
