import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** README.md with each code block behind `<!-- example: path -->` replaced by that file, so that what is read is what is run. */
export function generate(root) {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  return readme.replaceAll(
    /(<!-- example: (\S+) -->\n\n```ts\n)[\s\S]*?(```)/g,
    (_, head, path, tail) => `${head}${readFileSync(join(root, path), 'utf8')}${tail}`,
  )
}
