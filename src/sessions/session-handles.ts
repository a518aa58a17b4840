import type { SessionProviders, Sessions } from '../model/session.ts'

/** What `session` is in `context.session.db`: a promise for each name that is asked for. */
export function sessionHandles(open: (name: string) => Promise<unknown>): Sessions<SessionProviders> {
  return new Proxy<Record<string, Promise<never>>>(Object.create(null) as Record<string, Promise<never>>, {
    get: (_target, name) =>
      // `await`, the inspector and the like look at whatever passes by.
      typeof name === 'symbol' || name === 'then' || name === 'toJSON' ? undefined : (open(name) as Promise<never>),
    set: () => false,
  })
}
