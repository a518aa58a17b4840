import type { AbortReason } from '../model/definition.ts'

const MESSAGES: Record<AbortReason['kind'], string> = {
  timeout: 'The attempt took longer than its timeout.',
  cancelled: 'The task was cancelled.',
  shutdown: 'The worker is stopping; the task is handed back unharmed.',
  'claim-lost': 'Another worker has this task by now; nothing this attempt records counts.',
}

/** The reason of `context.signal`. */
export class AttemptAborted extends Error implements AbortReason {
  override readonly name = 'AttemptAborted'
  readonly kind: AbortReason['kind']

  constructor(kind: AbortReason['kind']) {
    super(MESSAGES[kind])
    this.kind = kind
  }
}
