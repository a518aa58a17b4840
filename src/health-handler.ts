import type { Background } from './background.ts'

/** An answer about health, for any framework. */
export interface HealthAnswer {
  readonly status: 200 | 503
  readonly headers: Readonly<Record<'content-type' | 'content-length' | 'cache-control', string>>
  /** JSON. */
  readonly body: string
}

/** The parts of a request and a response of Node that {@link healthHandler} uses. */
export interface HealthRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
}

/** See {@link HealthRequest}. */
export interface HealthResponse {
  readonly headersSent: boolean
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown
  end(body?: string): unknown
}

/** The paths that are asked, as Kubernetes and its like do. */
export const HEALTH_PATHS = ['/healthz', '/readyz'] as const

/**
 * What to answer at `/healthz` (200 while the process is live, else 503) and at `/readyz` (200 when it is ready, else 503 with the
 * reasons). Answers within a second and never rejects.
 */
export async function healthAnswer(background: Background, path: (typeof HEALTH_PATHS)[number]): Promise<HealthAnswer> {
  if (path === '/healthz') return answer(background.live, { live: background.live })
  const { ready, reasons } = await background.readiness()
  return answer(ready, { ready, reasons })
}

/**
 * Answers `GET` and `HEAD` of `/healthz` and `/readyz`, and says whether it does; as middleware it passes everything else on.
 *
 * ```ts
 * const health = healthHandler(background)
 * createServer((request, response) => health(request, response) || app(request, response))
 * app.use(health) // Express, Connect, NestJS
 * ```
 */
export function healthHandler(
  background: Background,
): (request: HealthRequest, response: HealthResponse, next?: () => unknown) => boolean {
  return (request, response, next) => {
    const path = HEALTH_PATHS.find((each) => each === request.url?.split('?', 1)[0])
    if (path === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
      next?.()
      return false
    }
    void healthAnswer(background, path).then(({ status, headers, body }) => {
      // Somebody may have answered meanwhile, as one that limits the time of requests does.
      if (response.headersSent) return
      response.writeHead(status, headers)
      response.end(request.method === 'HEAD' ? undefined : body)
    })
    return true
  }
}

function answer(isWell: boolean, facts: object): HealthAnswer {
  const body = JSON.stringify(facts)
  return {
    status: isWell ? 200 : 503,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
    },
    body,
  }
}
