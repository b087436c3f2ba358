/** Rejects with `error()` after this time. The work itself is not cancelled. */
export async function withTimeout<Result>(
  work: Promise<Result>,
  milliseconds: number,
  error: () => Error,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(error()), milliseconds);
    timer.unref();
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
