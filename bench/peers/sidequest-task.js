import { Job } from 'sidequest'

/** Sidequest finds the class of a task by the file that it was made in, so it cannot be made elsewhere. */
export class SendWelcome extends Job {
  run(input) {
    return SendWelcome.perform(input)
  }
}
