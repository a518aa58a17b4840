import { type AfterwordError, isAfterwordError } from '../index.ts'

/** An error of Afterword that says how it wants to be answered: overload, or a store that is away. */
export function isAnswerable(error: unknown): error is AfterwordError {
  return isAfterwordError(error) && error.statusCode !== 500
}

/** The body of the answer to such an error; its message may name files of the server and stays there. */
export function bodyOf(error: AfterwordError): { error: string; message: string } {
  return { error: error.code, message: 'The request was not accepted: its background tasks could not be added.' }
}
