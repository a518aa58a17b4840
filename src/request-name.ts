/** A path longer than this is cut in messages. */
const PATH_MAX = 200

/** What requests of Node and of the frameworks know of themselves; `originalUrl` is what a router has not cut yet. */
export interface NamedRequest {
  readonly method?: string | undefined
  readonly originalUrl?: string | undefined
  readonly url?: string | undefined
}

/** What a request is called in messages: `request POST /signup (req-1)`. Without its query, which may hold secrets. */
export function requestName(request: NamedRequest | undefined, id: string | undefined): string {
  const { method, originalUrl, url } = request ?? {}
  const [path = ''] = (originalUrl ?? url ?? '').split(/[?#]/, 1)
  const shown = path.length > PATH_MAX ? `${path.slice(0, PATH_MAX)}…` : path
  return ['request', method, shown, id === undefined ? undefined : `(${id})`].filter(Boolean).join(' ')
}
