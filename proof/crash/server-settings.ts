/** What a server is told when it starts. */
export interface ServerSettings {
  /** Which start of a process this is, the first being 1. */
  readonly server: number
  /** The name of its place, which the one that follows it inherits. */
  readonly name: string
  readonly seed: number
  readonly longShare: number | undefined
  readonly file: string
  readonly history: string
  readonly lease: number
  readonly beat: number
  readonly poll: number
  readonly grace: number
}
