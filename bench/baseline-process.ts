/** A bench process that does nothing: what the others hold beyond it is what they are measured for. */
import { answer } from './child.ts'
import { usage } from './usage.ts'

answer({}, usage)
