/**
 * An error that the user or client can fix: its message names the bad value and the remedy, and is shown without a stack
 * trace. Any other error is an internal error and keeps its trace.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  /** The command line's exit code: 1 for a failure, 2 for invalid arguments. */
  readonly exitCode: number = 1;
}

/** The arguments are invalid: nothing was started or changed. */
export class UsageError extends UserError {
  override readonly name: string = 'UsageError';
  override readonly exitCode = 2;
}

/**
 * What an argument names does not exist: a file, a recipe, a version, a run, a job. For every command the same kind of
 * mistake, with the same exit code.
 */
export class NotFound extends UsageError {
  override readonly name: string = 'NotFound';
}
