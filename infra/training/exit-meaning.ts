/** What the end of an attempt means, and by which words of Batch's and Docker's it is known. */
const byReason: readonly (readonly [RegExp, string])[] = [
  [/^Host EC2/, 'its machine went away, as a reclaimed Spot Instance does'],
  [/OutOfMemory/, 'out of memory: it needed more than its job definition allows'],
  [/exceeded timeout/, 'it ran longer than an attempt may'],
  [/CannotPull/, 'its image cannot be pulled'],
  [/DockerTimeoutError/, 'Docker did not start it in time'],
];

/** What an exit code says where no reason does. Above 128 it is a signal and 128. */
const byCode: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'the program failed',
  2: 'bad arguments',
  75: 'interrupted, with a checkpoint',
  126: 'the program cannot be run',
  127: 'there is no such program',
  134: 'aborted: TensorFlow or Node failed',
  137: 'killed, for a reason that Batch does not give: most often the memory of its machine was used up',
  139: 'crashed: an invalid access to memory',
  143: 'ended by SIGTERM',
};

/** How an attempt ended. */
interface AttemptEnd {
  /** What Batch and Docker say of it. */
  readonly reason?: string | undefined;
  /** `undefined` where no program ran. */
  readonly exitCode?: number | undefined;
}

/**
 * What the end of an attempt means. Exit code 137 alone says only that it was killed; by Batch's reason it was lack of memory, the
 * time limit, or a machine that went away.
 *
 * @returns `undefined` where neither the reason nor the code is known
 * @see https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html for the reasons
 */
export function exitMeaning({ reason = '', exitCode }: AttemptEnd): string | undefined {
  const known = byReason.find(([words]) => words.test(reason))?.[1];
  const code = exitCode === undefined ? undefined : byCode[exitCode];
  // A program that has written its checkpoint may still have lost its machine.
  return exitCode === 75 ? code : (known ?? code);
}
