/** AWS's names for a request that came too soon after others. */
const NAMES =
  /^(Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestLimitExceeded|RequestThrottled|SlowDown)$/;

/** Whether AWS refused a request only for the rate of requests. */
export function isThrottled(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  return NAMES.test(error.name) || $metadata?.httpStatusCode === 429;
}
