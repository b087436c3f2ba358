/**
 * Something that the person at the keyboard (or at the other end of the wire) can mend: the message names the bad value
 * and the remedy, and no stack trace is shown. Anything else that is thrown is a defect and keeps its trace.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  /** Exit code of the command line: 1 failed, 2 bad arguments. */
  readonly exitCode: number = 1;
}

/** The arguments themselves are wrong: nothing was started and nothing was changed. */
export class UsageError extends UserError {
  override readonly name: string = 'UsageError';
  override readonly exitCode = 2;
}
