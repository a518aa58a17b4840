import { ERRORS } from '../../src/model/error-catalogue.ts'

/** Every fact of a message is asked for by name: a proxy answers with that name, so the page shows `<name>`. */
const facts = new Proxy({}, { get: (_, name) => `<${String(name)}>` })

/** docs/errors.md, from the catalogue. */
export function generate() {
  const entries = Object.entries(ERRORS).map(([code, { happened, todo, statusCode, retryAfterSeconds }]) => {
    const http =
      statusCode === undefined
        ? ''
        : `\n\nHTTP adapters answer ${statusCode}${retryAfterSeconds === undefined ? '' : ` with \`Retry-After: ${retryAfterSeconds}\``} when nobody handles it.`
    return `## ${code}\n\n${escape(happened(facts))}\n\n**To fix:** ${escape(todo)}${http}\n`
  })
  const head = `# Errors

Every error that Afterword throws is an \`AfterwordError\` with a \`code\` of this list, the facts of its message in \`details\`, what
to do in \`todo\`, the original error in \`cause\`, and for HTTP adapters a \`statusCode\` (500 where the entry does not say) and
\`retryAfterSeconds\`. Codes are never reused. This page is made from \`src/model/error-catalogue.ts\`.
`
  return `${head}\n${entries.join('\n')}`
}

function escape(text) {
  return text.replaceAll('<', '&lt;')
}
