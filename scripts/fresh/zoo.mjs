import { LANES } from '../../proof/zoo/run-lane.ts'
import { ZOO } from '../../proof/zoo/zoo.ts'

/** docs/proof/zoo.md, from the plants themselves. */
export function generate() {
  const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
  const sections = LANES.map((lane) => {
    const plants = ZOO.filter((plant) => plant.lane === lane)
    const rows = plants.map(({ name, says, seenIn }) => `| \`${name}\` | ${cell(says)} | ${cell(seenIn)} |`)
    const head = `## Found by \`npm run ${lane}\`: ${plants.length}`
    const table =
      rows.length === 0 ? 'None yet.' : `| plant | what is wrong | met in |\n| --- | --- | --- |\n${rows.join('\n')}`
    return `${head}\n\n${table}`
  })
  return `# The bug zoo

An instrument that finds nothing proves something only when it would have found a fault. Each of these ${ZOO.length} faults can be planted
into the sources while they are loaded; the lane that is named for it has to find it. \`npm run zoo\` tries all of them, and every
lane without any. \`--plant NAME\` plants one in a run of its lane. This page is made from \`proof/zoo/zoo.ts\`.

${sections.join('\n\n')}
`
}
