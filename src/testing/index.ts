/**
 * Tests of applications that add background tasks: a real background on a store in memory, with a clock, a next step and
 * a crash that the test decides about. Works under any test runner.
 *
 * ```ts
 * import { testBackground } from 'afterword/testing'
 *
 * await using lab = await testBackground({ tasks: [sendWelcome] }, (background) => buildApp(background))
 * await lab.app.inject({ method: 'POST', url: '/signup' })
 * lab.expectAdded(sendWelcome, { userId: '42' })
 * await lab.run()
 * ```
 */

export { testBackground } from './test-background.ts'
export type { BuildApp, LabOptions } from './test-background.ts'
export type { Lab } from './lab.ts'
export type { LabAttempt, LabFailure } from './lab-attempt.ts'
export type { LabTask } from './lab-task.ts'
export type { CrashOptions, CrashPoint } from './crash-plan.ts'
export { TasksFailed } from './tasks-failed.ts'
