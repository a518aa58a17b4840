import { adapterConformance } from './conformance.ts'
import { serveFastify } from './serve-fastify.ts'

adapterConformance('Fastify', serveFastify)
