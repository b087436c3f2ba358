import { hostname, userInfo } from 'node:os';

/** Who runs this program, as `name@host`; a user id that has no name, as in a container started with one, is `uid 1234@host`. */
export function userAtHost(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER || process.env.LOGNAME || `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
