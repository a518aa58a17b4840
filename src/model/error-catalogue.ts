import { ONCE_ERRORS } from './once-errors.ts'

/**
 * The one catalogue of errors. Each entry says what happened (with the value received and the limit) and what to do.
 * `docs/errors.md` is made from it; a retired code is never used again.
 * `statusCode` (default 500) and `retryAfterSeconds` tell HTTP adapters how to answer when nobody handles it.
 */
export const ERRORS = {
  // Options
  OPTION_UNKNOWN: {
    happened: (e: { where: string; option: string; meant: string | undefined }) =>
      `${e.where} got an unknown option "${e.option}"${e.meant ? `, did you mean "${e.meant}"?` : '.'}`,
    todo: 'Correct the name or remove the option; docs/options.md lists all of them.',
  },
  OPTION_INVALID: {
    happened: (e: { where: string; option: string; expected: string; got: string }) =>
      `${e.where}: option "${e.option}" must be ${e.expected}, got ${e.got}.`,
    todo: 'Pass a value in that range; docs/options.md has the ranges and defaults.',
  },
  OPTIONS_INVALID: {
    happened: (e: { where: string; got: string }) => `${e.where} must be given an object of options, got ${e.got}.`,
    todo: 'Pass an object such as { concurrency: 5 }, or leave it out; docs/options.md lists all options.',
  },
  OPTIONS_CONFLICT: {
    happened: (e: { where: string; rule: string; got: string }) => `${e.where}: ${e.rule}, got ${e.got}.`,
    todo: 'Change one of these options; docs/options.md has the defaults of those that you did not pass.',
  },
  DURATION_INVALID: {
    happened: (e: { where: string; got: string }) => `${e.where} is not a duration: got ${e.got}.`,
    todo: "Pass milliseconds (a finite number from 0) or a string such as '250ms', '30s', '5m', '2h' or '1d'.",
  },
  QUEUE_UNKNOWN: {
    happened: (e: { queue: string; known: string; meant: string | undefined }) =>
      `No task would ever come from queue "${e.queue}"${e.meant === undefined ? '.' : `, did you mean "${e.meant}"?`} The queues of this background are: ${e.known}.`,
    todo: 'Correct the name in --queues or in the option serves, or name the queue in a definition or in the option queues.',
  },
  // Definitions
  TASK_NAME_INVALID: {
    happened: (e: { got: string }) => `A task needs a name of 1 to 100 letters, digits, or "-_.:/", got ${e.got}.`,
    todo: "Give it a stable name such as 'send-welcome': the store remembers tasks by it.",
  },
  TASK_NAME_TAKEN: {
    happened: (e: { name: string }) => `Two different definitions are named "${e.name}".`,
    todo: 'Rename one of them: a stored task must lead to exactly one function.',
  },
  TASK_NOT_REGISTERED: {
    happened: (e: { name: string }) =>
      `Task "${e.name}" was not added: this background does not know it, so nobody could run it after a restart.`,
    todo: 'List the definition in createBackground({ tasks: [...] }).',
  },
  // Adding
  TASK_INPUT_INVALID: {
    happened: (e: { name: string; issues: string }) =>
      `Task "${e.name}" was not added: its input does not match its schema: ${e.issues}.`,
    todo: 'Pass input that the schema accepts; error.details.issues names every place.',
  },
  TASK_SCHEMA_ASYNC: {
    happened: (e: { name: string }) =>
      `Task "${e.name}" was not added: its schema validates asynchronously, and add answers at once.`,
    todo: 'Use a schema without async refinements, and do that check in the handler or in run. With zod, a refinement that throws looks the same.',
  },
  TASK_INPUT_NOT_STORABLE: {
    happened: (e: { name: string; path: string; got: string }) =>
      `Task "${e.name}" was not added: ${e.path} is ${e.got}, which no store can hold.`,
    todo: 'Pass plain data: an id instead of an object, a value instead of a callback. Dates, bigints, Maps, Sets, typed arrays and URLs are fine.',
  },
  TASK_INPUT_TOO_LARGE: {
    happened: (e: { name: string; bytes: number; bytesMax: number }) =>
      `Task "${e.name}" was not added: its input takes at least ${e.bytes} bytes and the limit is ${e.bytesMax}.`,
    todo: 'Store the data elsewhere and pass a reference, or raise inputBytesMax.',
  },
  TASK_ID_INVALID: {
    happened: (e: { name: string; got: string }) =>
      `Task "${e.name}" was not added: an id must be a string of 1 to 200 characters, got ${e.got}.`,
    todo: 'Pass a short stable string, for example `welcome:${userId}`.',
  },
  TASK_ID_TAKEN: {
    happened: (e: { id: string; name: string; by: string }) =>
      `Task "${e.name}" was not added: the id "${e.id}" belongs to a task "${e.by}" or to another input.`,
    todo: 'Use one id for one task with one input; put the name and the differing part into the id.',
    statusCode: 409,
  },
  TASK_DROPPED: {
    happened: (e: { name: string; status: number; on: string }) =>
      `Task "${e.name}" was dropped: the answer was ${e.status} and the task is kept on ${e.on} only.`,
    todo: "Pass { on: 'always' } or { on: 'error' } when it should run after such an answer.",
  },
  BACKGROUND_STOPPED: {
    happened: (e: { name: string }) => `Task "${e.name}" was not added: the background has stopped.`,
    todo: 'Stop the background after the HTTP server has closed; the framework adapters do it in that order.',
    statusCode: 503,
    retryAfterSeconds: 1,
  },
  BUFFER_FULL: {
    happened: (e: { name: string; buffered: number; max: number }) =>
      `Task "${e.name}" was not added: ${e.buffered} tasks wait to be written and the limit is ${e.max}.`,
    todo: 'The store is slower than the load; answer 503 and let the client come back, or raise bufferMax.',
    statusCode: 503,
    retryAfterSeconds: 1,
  },
  BACKLOG_FULL: {
    happened: (e: { name: string; live: number; max: number }) =>
      `Task "${e.name}" was not added: ${e.live} tasks are stored and unfinished and the limit is ${e.max}.`,
    todo: 'Add workers or concurrency, look for a stuck queue with background.explain(id), or raise backlogMax.',
    statusCode: 503,
    retryAfterSeconds: 5,
  },
  NO_RESPONSE: {
    happened: (_: Record<string, never>) =>
      'currentTasks() was called outside of a request that an Afterword adapter looks after.',
    todo: 'Call it below a handler of an attached server, or use background.add(definition, input).',
  },
  // Results
  ADDED_BY_FAILED_ATTEMPT: {
    happened: (e: { name: string; by: string }) =>
      `Task "${e.name}" was not added: the attempt of task "${e.by}" that added it did not succeed.`,
    todo: 'Nothing, if the next attempt adds it again. What must be added whatever becomes of the attempt goes through background.add.',
  },
  ADDED_IN_ISOLATE: {
    happened: (e: { name: string }) =>
      `When task "${e.name}" is stored, nobody can tell in a thread or child process: that comes after the attempt that adds it, in the process of its background.`,
    todo: 'Do not wait for `committed` there. If the attempt succeeds the task is stored with it; `background.get(id)` of the application tells.',
  },
  RESULT_NOT_STORABLE: {
    happened: (e: { name: string; path: string; got: string }) =>
      `Task "${e.name}" finished, but its ${e.path} is ${e.got}, which no store can hold.`,
    todo: 'Return plain data, or nothing.',
  },
  RESULT_TOO_LARGE: {
    happened: (e: { name: string; bytes: number; bytesMax: number }) =>
      `Task "${e.name}" finished, but its result takes at least ${e.bytes} bytes and the limit is ${e.bytesMax}.`,
    todo: 'Store the data elsewhere and return a reference, or raise resultBytesMax.',
  },
  ...ONCE_ERRORS,
  RESULT_TIMEOUT: {
    happened: (e: { id: string; waitedMs: number; state: string }) =>
      `Task ${e.id} did not finish within ${e.waitedMs} ms; it is ${e.state}.`,
    todo: 'Wait longer, or ask background.explain(id) why it has not finished.',
    statusCode: 504,
  },
  TASK_UNKNOWN: {
    happened: (e: { id: string }) =>
      `No task ${e.id} is in the store: it was never added, or its retention has passed.`,
    todo: 'Check the id, or keep finished tasks longer with the retention option.',
    statusCode: 404,
  },
  TASK_FAILED: {
    happened: (e: { id: string; name: string; state: string; message: string }) =>
      `Task "${e.name}" (${e.id}) ended ${e.state}: ${e.message}`,
    todo: 'Look at error.cause; background.get(id) has the whole record.',
  },
  // Attempts
  ATTEMPT_TIMEOUT: {
    happened: (e: { name: string; timeoutMs: number }) =>
      `An attempt of task "${e.name}" took longer than its timeout of ${e.timeoutMs} ms.`,
    todo: 'Raise the timeout of the definition, or make run listen to context.signal.',
  },
  ATTEMPT_CRASHED: {
    happened: (e: { crashes: number }) => `The worker died while it ran this task, ${e.crashes} times.`,
    todo: 'Look for what ends the process (out of memory, process.exit, a native crash), then requeue the task.',
  },
  TASK_INPUT_OUTDATED: {
    happened: (e: { name: string; version: number; known: number; issues: string }) =>
      `The stored input of task "${e.name}" is of version ${e.version}, and the definition, of version ${e.known}, does not take it: ${e.issues}.`,
    todo: 'Raise the version of the definition and tell it by upgrade what to make of older inputs, or let its schema accept them; then requeue the task.',
  },
  TASK_UPGRADE_FAILED: {
    happened: (e: { name: string; from: number; known: number; reason: string }) =>
      `The stored input of task "${e.name}" was not brought to version ${e.known}: upgrade ${e.from} failed: ${e.reason}.`,
    todo: 'Correct that function, which has to answer at once, then requeue the task; error.cause is what it threw.',
  },
  STORED_VALUE_UNREADABLE: {
    happened: (e: { format: number; reason: string }) =>
      `A stored value of format ${e.format} cannot be read: ${e.reason}.`,
    todo: 'Look whether a newer Afterword wrote it (then upgrade this process) or something else changed it in the store.',
  },
  // Tasks beside the event loop
  TASK_MODULE_UNKNOWN: {
    happened: (e: { name: string; isolate: string }) =>
      `Task "${e.name}" cannot run in a ${e.isolate}: it was defined where nothing can import it, in a REPL or a script given as text.`,
    todo: "Define it in a file, or name one: module: new URL('./resize.task.js', import.meta.url).",
  },
  TASK_MODULE_FAILED: {
    happened: (e: { name: string; isolate: string; module: string; reason: string }) =>
      `Task "${e.name}" cannot run in a ${e.isolate}: importing ${e.module} there failed: ${e.reason}.`,
    todo: 'Put the task into a module of its own that starts nothing, or name one with the option module; error.cause says what failed.',
  },
  TASK_MODULE_SERVES: {
    happened: (e: { name: string; isolate: string; module: string }) =>
      `Task "${e.name}" cannot run in a ${e.isolate}: importing ${e.module} there starts a server.`,
    todo: 'Put the task into a module of its own that starts nothing, or name one with the option module.',
  },
  TASK_MODULE_TIMEOUT: {
    happened: (e: { name: string; isolate: string; module: string; waitedMs: number }) =>
      `Task "${e.name}" cannot run in a ${e.isolate}: importing ${e.module} there has not ended after ${e.waitedMs} ms.`,
    todo: 'Look for an await at the top level of the module, or of what it imports, that never settles, and for a loop there; do long work in run.',
  },
  TASK_NOT_IN_MODULE: {
    happened: (e: { name: string; isolate: string; module: string; found: string }) =>
      `Task "${e.name}" cannot run in a ${e.isolate}: importing ${e.module} there does not define it as one that does (found: ${e.found}).`,
    todo: 'Call defineTask at the top level of a module, wherever it is imported, and name that module with the option module when a helper calls it.',
  },
  TASK_AMBIGUOUS: {
    happened: (e: { name: string; isolate: string; module: string; times: number }) =>
      `Task "${e.name}" cannot run in a ${e.isolate}: ${e.module} defines it ${e.times} times, and it is known there by its name only.`,
    todo: 'Rename all but one of them.',
  },
  BACKGROUND_IN_ISOLATE: {
    happened: (_: Record<string, never>) =>
      'A background was started in a thread or process of a task: the module of the task starts the application again.',
    todo: 'Put the task into a module of its own that starts nothing, or name one with the option module. Add tasks from outside of tasks that are isolated.',
  },
  THREAD_EXITED: {
    happened: (e: { name: string; exitCode: number; ranMs: number }) =>
      `The thread of task "${e.name}" ended with exit code ${e.exitCode} after ${e.ranMs} ms: something in it called process.exit.`,
    todo: 'Throw an error instead, or giveUp(…) when no further attempt can help.',
  },
  THREAD_CRASHED: {
    happened: (e: { name: string; exitCode: number; ranMs: number; reason: string }) =>
      `The thread of task "${e.name}" crashed after ${e.ranMs} ms (exit code ${e.exitCode}), by an error that nobody caught: ${e.reason}.`,
    todo: 'Await every promise in run, and listen to the errors of emitters; error.cause is what was thrown.',
  },
  THREAD_OUT_OF_MEMORY: {
    happened: (e: { name: string; memoryMb: number; ranMs: number }) =>
      `The thread of task "${e.name}" ran out of memory after ${e.ranMs} ms: its heap has a limit of ${e.memoryMb} MB.`,
    todo: 'Work on smaller pieces or on Buffers, which lie outside of that limit, or raise memoryMb of the definition or threadMemoryMb.',
  },
  PROCESS_NOT_STARTED: {
    happened: (e: { name: string; reason: string }) => `No process could be started for task "${e.name}": ${e.reason}.`,
    todo: 'Look at the limits of this system for processes, open files and memory, or lower threads.',
  },
  PROCESS_EXITED: {
    happened: (e: { name: string; exitCode: number; ranMs: number }) =>
      `The process of task "${e.name}" ended with exit code ${e.exitCode} after ${e.ranMs} ms: something in it called process.exit.`,
    todo: 'Throw an error instead, or giveUp(…) when no further attempt can help; error.cause has the last that it wrote to stderr.',
  },
  PROCESS_CRASHED: {
    happened: (e: { name: string; exitCode: number; ranMs: number; reason: string }) =>
      `The process of task "${e.name}" crashed after ${e.ranMs} ms (exit code ${e.exitCode}), by an error that nobody caught: ${e.reason}.`,
    todo: 'Await every promise in run, and listen to the errors of emitters; error.cause is what was thrown.',
  },
  PROCESS_CRASHED_NATIVELY: {
    happened: (e: { name: string; signal: string; ranMs: number }) =>
      `The process of task "${e.name}" crashed natively after ${e.ranMs} ms, by ${e.signal}.`,
    todo: 'Look at the native addons that run uses, and at process.abort; error.cause has the last that it wrote to stderr.',
  },
  PROCESS_OUT_OF_MEMORY: {
    happened: (e: { name: string; memoryMb: number; ranMs: number }) =>
      `The process of task "${e.name}" ran out of memory after ${e.ranMs} ms: its heap has a limit of ${e.memoryMb} MB.`,
    todo: 'Work on smaller pieces or on Buffers, which lie outside of that limit, or raise memoryMb of the definition or threadMemoryMb; error.cause is what V8 said.',
  },
  PROCESS_KILLED: {
    happened: (e: { name: string; signal: string; ranMs: number }) =>
      `The process of task "${e.name}" was killed by ${e.signal} after ${e.ranMs} ms.`,
    todo: "After SIGKILL look into the system's log and the limit of the container: their out-of-memory killer takes the largest process. Else somebody sent that signal.",
  },
  // The command line
  ARGUMENTS_INVALID: {
    happened: (e: { reason: string }) => `The arguments were not understood: ${e.reason}.`,
    todo: 'Correct them; afterword --help, and --help behind a command, list what there is.',
  },
  NO_PROCESSES: {
    happened: (_: Record<string, never>) => 'Nothing would run: --web and --workers are both 0.',
    todo: 'Pass --web 1 for a web server that runs its own tasks, or --workers 1 for a worker without one.',
  },
  START_IN_CLUSTER: {
    happened: (_: Record<string, never>) =>
      'afterword start was itself started as a worker of node:cluster, where it cannot share a port among processes of its own.',
    todo: 'Start it once, as an ordinary process (in PM2 without -i), and let --web say how many web processes there are.',
  },
  ENTRY_NOT_FOUND: {
    happened: (e: { entry: string; folder: string }) => `No file ${e.entry} is in ${e.folder}.`,
    todo: 'Pass the path of the module that starts the application, from the folder that the command runs in.',
  },
  ENTRY_WITHOUT_BACKGROUND: {
    happened: (e: { entry: string }) =>
      `${e.entry} created no background: its tasks would be neither stored nor run here.`,
    todo: "Create it with createBackground of 'afterword' 0.1 or later in that module, or in one that it imports.",
  },
  ENTRY_LISTENS_NOWHERE: {
    happened: (e: { entry: string }) => `${e.entry} has started no server, and has nothing more to do.`,
    todo: 'Pass the module that listens, or --web 0 when there is no web server.',
  },
  ENTRY_STARTS_TOO_LONG: {
    happened: (e: { entry: string; waitedMs: number; missing: string }) =>
      `${e.entry} was not ready within ${e.waitedMs} ms: ${e.missing}.`,
    todo: 'Look for an await at the top level that never ends, or a server that never listens; or raise --start-timeout.',
  },
  PORT_IN_USE: {
    happened: (e: { entry: string; at: string }) =>
      `${e.entry} cannot listen at ${e.at}: another program listens there.`,
    todo: 'Stop that program, or let the application listen at another port.',
  },
  STORE_NOT_SHARED: {
    happened: (e: { entry: string }) =>
      `The store of ${e.entry} is memory:, which no other process can see: its tasks would never meet their workers.`,
    todo: "Use a file ('sqlite:./data/tasks.db'), or --workers 0, where web processes run their tasks themselves.",
  },
  WORKER_WORKS_NOT: {
    happened: (e: { entry: string }) =>
      `${e.entry} creates its background with works: false, so that a worker of it would run nothing.`,
    todo: 'Leave works out: web processes get it from afterword start, which knows whether there are workers.',
  },
  PROCESS_DIES_AT_START: {
    happened: (e: { name: string; times: number; how: string; output: string }) =>
      `The process ${e.name} died ${e.times} times in a row before it was ready, the last time ${e.how}. What it said last:\n${e.output}`,
    todo: 'Repair what it says, or start the application by itself to see all of it.',
  },
  // Sessions
  SESSION_UNKNOWN: {
    happened: (e: { session: string; known: string; meant: string | undefined }) =>
      `There is no session "${e.session}"${e.meant === undefined ? '.' : `, did you mean "${e.meant}"?`} The sessions here are: ${e.known}.`,
    todo: 'Name a provider of that name in createBackground({ sessions: { … } }), or in the definition, which a thread or a child process needs.',
  },
  SESSION_WRONG_OBJECT: {
    happened: (e: { where: string; expected: string; got: string }) => `${e.where} takes ${e.expected}, got ${e.got}.`,
    todo: 'Pass the object that the library itself gave you, not its options and not a transaction of it.',
  },
  SESSION_NOT_OPENED: {
    happened: (e: { session: string; library: string; reason: string }) =>
      `Session "${e.session}" (${e.library}) could not be opened: ${e.reason}.`,
    todo: 'See to it that the database can be reached with what the pool was given; error.cause is what the library said.',
    statusCode: 503,
    retryAfterSeconds: 1,
  },
  SESSION_POOL_DRY: {
    happened: (e: { session: string; waitedMs: number; holders: string }) =>
      `Session "${e.session}" waited ${e.waitedMs} ms for a connection. Open at the moment: ${e.holders}.`,
    todo: 'Give the pool as many connections as there are tasks and requests that use it at once, or let those above end sooner.',
    statusCode: 503,
    retryAfterSeconds: 1,
  },
  SESSION_ENDED: {
    happened: (e: { session: string; owner: string; used: string; agoMs: number; how: string; by: string }) =>
      `The session "${e.session}" of ${e.owner} was used (${e.used}) ${e.agoMs} ms after it was ${e.how}; used by ${e.by}.`,
    todo: 'Use a session of its own there: `await context.session.NAME` inside run(input, context). To have work done before the session ends, await it.',
  },
  SESSION_TOO_LATE: {
    happened: (e: { session: string; owner: string; after: string; by: string }) =>
      `Session "${e.session}" of ${e.owner} was first asked for after ${e.after}, when nothing would have ended it; asked for by ${e.by}.`,
    todo: 'Ask for it before the first byte of the answer. For what comes later use `await context.session.NAME` in a task; streams can use a provider with `transaction: false`.',
  },
  SESSION_QUERY_RUNNING: {
    happened: (e: { session: string; owner: string; running: number }) =>
      `The session "${e.session}" of ${e.owner} was rolled back: ${e.running} of its queries had no answer yet when it was to be committed.`,
    todo: 'Await every query; a query that nobody awaits may fail unseen, or belong to whoever has the connection next.',
  },
  SESSION_TRANSACTION_OVER: {
    happened: (e: { library: string; why: string }) =>
      `The transaction of ${e.library} could not be committed, because it was over already: ${e.why}.`,
    todo: 'Leave BEGIN, COMMIT and ROLLBACK to the session. Let the error of a query leave `run`, or do what may fail in a nested transaction (a savepoint).',
  },
  SESSION_END_REFUSED: {
    happened: (e: { library: string; used: string }) =>
      `${e.used} was refused: the transaction of this session of ${e.library} stays open until its owner ends.`,
    todo: 'Return from `run` to have it committed, throw to have it rolled back. For transactions of your own pass `transaction: false` to the provider.',
  },
  SESSION_SECOND_DATABASE: {
    happened: (e: { session: string; first: string; owner: string }) =>
      `Session "${e.session}" was refused to ${e.owner}, which has session "${e.first}" open: no commit covers two transactions.`,
    todo: 'Use one of them, let the other have `transaction: false`, or move its work into a task of its own with context.add.',
  },
  SESSION_COMMIT_FAILED: {
    happened: (e: { session: string; owner: string; reason: string }) =>
      `The session "${e.session}" of ${e.owner} could not be committed and was rolled back: ${e.reason}.`,
    todo: 'error.cause is what the database said: a constraint that is checked at the commit, or a conflict with others.',
  },
  SESSION_COMMIT_UNKNOWN: {
    happened: (e: { session: string; owner: string; reason: string }) =>
      `Nobody knows whether the session "${e.session}" of ${e.owner} was committed: ${e.reason}.`,
    todo: 'Nothing to do for a task: its next attempt reads in the database what became of it, and no attempt is spent. For a request, look at the data.',
    statusCode: 503,
    retryAfterSeconds: 1,
  },
  SESSION_UNANSWERED: {
    happened: (e: { session: string; owner: string }) =>
      `The session "${e.session}" of ${e.owner} was rolled back: its client had gone, or the background stopped, and its handler had left no status.`,
    todo: 'Let handlers end within five seconds after their client has gone, and within the grace of a shutdown; what takes longer belongs into a task.',
    statusCode: 503,
    retryAfterSeconds: 1,
  },
  SESSION_WAITS_FOR_ITSELF: {
    happened: (e: { name: string; session: string; owner: string }) =>
      `Task "${e.name}" was not added: ${e.owner} has session "${e.session}" open in the file of the store, and this add would wait for its end.`,
    todo: 'Add it as a part of that transaction: with context.add in a task, with tasks.add or tasks.in(session).add in a request.',
  },
  SESSION_OUTCOME_TABLE: {
    happened: (e: { session: string; reason: string; sql: string }) =>
      `Session "${e.session}" has no table for outcomes, and it could not be made: ${e.reason}. It takes: ${e.sql}`,
    todo: 'Run that statement with the rights for it, or pass `outcomes: false` to the provider and give up exactly-once there.',
  },
  SESSION_ALREADY_COMMITTED: {
    happened: (e: { session: string; name: string; id: string }) =>
      `An earlier attempt of task "${e.name}" (${e.id}) has committed session "${e.session}": this one ends with its result.`,
    todo: 'Nothing: let it pass. The worker died, or lost its connection, between the commit and the record of it.',
  },
  SESSION_NOT_RECOGNIZED: {
    happened: (e: { where: string; got: string }) =>
      `${e.where} was given ${e.got}, which is no transaction of a session here.`,
    todo: 'Pass an open transaction of a library that one of createBackground({ sessions: { … } }) is for.',
  },
  SESSION_NO_TRANSACTION: {
    happened: (e: { where: string }) => `${e.where} was given a connection on which no transaction is open.`,
    todo: 'Begin one first. Without a transaction await background.add() is what you want.',
  },
  SESSION_OTHER_DATABASE: {
    happened: (e: { name: string; store: string; library: string }) =>
      `Task "${e.name}" was not added: that transaction (${e.library}) is in another database than the store (${e.store}), so the two cannot be committed as one.`,
    todo: 'Keep the tasks in the same database as the data (option store), or add the task after the commit with tasks.add or background.add.',
  },
  // Stores
  STORE_URL_INVALID: {
    happened: (e: { got: string }) => `The store ${e.got} is not one that Afterword knows.`,
    todo: "Pass 'sqlite:./path/to/tasks.db', 'memory:', or a store object.",
  },
  STORE_NOT_WRITABLE: {
    happened: (e: { file: string; reason: string }) => `The store ${e.file} cannot be opened for writing: ${e.reason}.`,
    todo: 'Give the process write access to the folder and to the file, its -wal and its -shm.',
  },
  STORE_CORRUPT: {
    happened: (e: { file: string; reason: string }) =>
      `The store ${e.file} is damaged or is not an SQLite database: ${e.reason}.`,
    todo: 'Nothing was changed. Move the file and its -wal and -shm aside together, restore a backup, or recover it with the sqlite3 shell (.recover).',
  },
  STORE_NOT_OURS: {
    happened: (e: { file: string }) => `The file ${e.file} is an SQLite database of another application.`,
    todo: 'Give Afterword a file of its own. If it is yours and the tasks belong into it, list its session in createBackground({ sessions }).',
  },
  STORE_OTHER_LIBRARY: {
    happened: (e: { file: string; session: string; library: string }) =>
      `Session "${e.session}" opens ${e.file} with ${e.library}, and it is the file of the store: two SQLite libraries in one process take each other's locks away and lose data.`,
    todo: 'Use node:sqlite for what lives in the file of the store, or keep the tasks in a file of their own.',
  },
  STORE_NEWER: {
    happened: (e: { file: string; version: number; known: number }) =>
      `The store ${e.file} was written by a newer Afterword (schema ${e.version}; this one knows ${e.known}).`,
    todo: 'Upgrade Afterword in this process; the store was left untouched.',
  },
  STORE_IN_USE_BY_OLDER: {
    happened: (e: { file: string; workers: string }) =>
      `The store ${e.file} needs a migration that older workers would not survive, and these still run: ${e.workers}.`,
    todo: 'Stop the older processes first, then start this one.',
  },
  STORE_NETWORK_FILESYSTEM: {
    happened: (e: { file: string; type: string }) =>
      `The store ${e.file} lies on a network file system (${e.type}), where SQLite loses committed data.`,
    todo: 'Put the file on a local disk.',
  },
  STORE_FULL: {
    happened: (e: { file: string }) => `The disk of the store ${e.file} is full; nothing was written.`,
    todo: 'Free some space: writing resumes by itself.',
    statusCode: 503,
    retryAfterSeconds: 10,
  },
  STORE_BUSY: {
    happened: (e: { file: string; waitedMs: number }) =>
      `The store ${e.file} was locked by another process for ${e.waitedMs} ms; nothing was written.`,
    todo: 'Look for a process that holds a transaction open (a backup, a shell); the call may be repeated.',
    statusCode: 503,
    retryAfterSeconds: 2,
  },
  STORE_FAILED: {
    happened: (e: { file: string; reason: string }) =>
      `The store ${e.file} stopped after an input/output error: ${e.reason}. What was acknowledged before is kept.`,
    todo: 'Check the disk, then restart the process: after a failed sync no promise about the file can be kept.',
    statusCode: 503,
    retryAfterSeconds: 30,
  },
  STORE_REPLACED: {
    happened: (e: { file: string; changed: string }) =>
      `The store ${e.file} stopped: another program deleted or replaced ${e.changed} while it was in use.`,
    todo: 'Never touch the file, its -wal or its -shm while a process uses them; stop all of these, then start them again.',
    statusCode: 503,
    retryAfterSeconds: 30,
  },
  STORE_CLOSED: {
    happened: (e: { file: string }) => `The store ${e.file} is closed.`,
    todo: 'Do not use the background after stop().',
    statusCode: 503,
    retryAfterSeconds: 1,
  },
  RUNTIME_TOO_OLD: {
    happened: (e: { version: string; needed: string; reason: string }) =>
      `Node ${e.version} is too old; Afterword needs ${e.needed}: ${e.reason}.`,
    todo: 'Upgrade Node.',
  },
} as const
