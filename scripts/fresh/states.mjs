import { MOVES } from '../../src/model/task-state.ts'

const MEANS = {
  scheduled: 'not due yet: a delay, a `runAt`, or the wait before the next attempt',
  waiting: 'behind an earlier task of its series whose first attempt has not ended',
  ready: 'any worker that knows its name and serves its queue may claim it',
  running: 'claimed by one incarnation of one worker',
  succeeded: 'its last attempt returned',
  failed: 'its last attempt threw, or `giveUp` was thrown',
  cancelled: 'cancelled before an attempt, or in one that heeded its signal',
  quarantined: 'its worker died three times while it held the task',
}

/** docs/states.md, from the table that the stores' guards are made of. */
export function generate() {
  const arrows = Object.entries(MOVES).flatMap(([from, moves]) =>
    Object.entries(moves).map(([move, to]) => `  ${from} --> ${to}: ${move}`),
  )
  const rows = Object.keys(MOVES).map((state) => {
    const moves = Object.entries(MOVES[state]).map(([move, to]) => `${move} → ${to}`)
    return `| ${state} | ${MEANS[state]} | ${moves.join(', ') || 'none'} |`
  })
  return `# The states of a task

Every change of a task is one of these moves, and every move of a running task names the worker and the claim that it expects: what
no longer matches changes nothing. This page is made from \`src/model/task-state.ts\`.

\`\`\`mermaid
stateDiagram-v2
${arrows.join('\n')}
\`\`\`

| state | means | moves |
| --- | --- | --- |
${rows.join('\n')}
`
}
