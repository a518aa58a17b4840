/** What a planted fault is. */

/** Where a fault has to be found. */
export type Lane = 'model' | 'sim' | 'crash' | 'power'

/**
 * One fault of the bug zoo: a few characters of the shipping sources, written wrong while they are loaded. The sources
 * themselves stay as they are, and a plant whose text is not there any more is an error, never silently nothing.
 *
 * A plant of the lane `model` may change the protocol that is explored (`proof/model/protocol.ts`) instead: what another
 * project does differently is no line of ours that could be written wrong.
 */
export interface Plant {
  /** Given to `--plant`. */
  readonly name: string
  /** What is wrong with it, in one sentence. */
  readonly says: string
  /** Where the fault was met: a project and its issue, a paper, or the row of the fault catalogue. */
  readonly seenIn: string
  /** The lane that has to find it. */
  readonly lane: Lane
  readonly edits: readonly Edit[]
}

/** One replacement in one source. */
export interface Edit {
  /** From the root of the repository, for example `src/engine/journal.ts`. */
  readonly file: string
  /** Must occur exactly once. */
  readonly find: string
  readonly replace: string
}

/** Whether a plant may change that file. */
export function mayChange({ lane }: Pick<Plant, 'lane'>, file: string): boolean {
  return file.startsWith('src/') || (lane === 'model' && file === 'proof/model/protocol.ts')
}

/** The source with the plant's edits to that file; throws when a text is missing or ambiguous. */
export function edited(plant: Plant, file: string, source: string): string {
  return plant.edits
    .filter((edit) => edit.file === file)
    .reduce((text, { find, replace }) => {
      const pieces = text.split(find)
      if (pieces.length !== 2) {
        throw new Error(
          `The plant "${plant.name}" wants to change ${JSON.stringify(find)} in ${file}, where it stands ` +
            `${pieces.length - 1} times: write the plant anew.`,
        )
      }
      return pieces.join(replace)
    }, source)
}
