import { cacheRoot } from './cache.mjs';

/** An error that the user can fix: its message is one sentence that names the cause and the remedy. */
export class SetupFailure extends Error {
  /** @override */
  name = 'SetupFailure';
}

const AGAIN = 'then run `npm run setup` again';

/** Messages of npm, pip and Node for a full disk. */
const DISK_FULL = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/i;

/** Messages of npm, pip, uv and Node for an unreachable server. */
const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|UND_ERR_|Name or service not known|Temporary failure in name resolution|Failed to establish a new connection|Max retries exceeded|ConnectTimeout|Connection timed out|dns error|error sending request|fetch failed|network is unreachable|ProxyError|Cannot connect to proxy|Tunnel connection failed/i;

/**
 * @param {unknown} error of the file system, or of a program that ran out of disk
 * @returns {boolean}
 */
export function isDiskFull(error) {
  return DISK_FULL.test(textOf(error));
}

/**
 * @param {unknown} error of a request, or of a program that makes requests
 * @returns {boolean}
 */
export function isUnreachable(error) {
  return UNREACHABLE.test(textOf(error));
}

/**
 * Explains an error whose cause lies outside of this program in one sentence.
 *
 * @param {unknown} error
 * @param {string} what was being set up, such as `native TensorFlow`
 * @param {string} folder its destination
 * @returns {unknown} a `SetupFailure`, or the error itself if it is an internal error
 */
export function explain(error, what, folder) {
  if (error instanceof SetupFailure) return error;
  const options = { cause: error };
  const elsewhere = folder === cacheRoot() ? ', or move the cache with XDG_CACHE_HOME,' : ',';
  if (isDiskFull(error)) {
    return new SetupFailure(
      `The disk of ${folder} became full during the set-up of ${what}: free some space${elsewhere} ${AGAIN}.`,
      options,
    );
  }
  const { code, path } = /** @type {NodeJS.ErrnoException} */ (error ?? {});
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new SetupFailure(
      `${path ?? folder} cannot be written (${code}) during the set-up of ${what}: make it writable${elsewhere} ${AGAIN}.`,
      options,
    );
  }
  if (isUnreachable(error)) {
    return new SetupFailure(
      `A download for ${what} failed because the network did not answer: check the connection, the proxy and the configuration of npm and pip, ${AGAIN}.`,
      options,
    );
  }
  return error;
}

/**
 * The error, its causes, and the output of a failed program.
 *
 * @param {unknown} error
 * @returns {string}
 */
function textOf(error) {
  if (!(error instanceof Error)) return String(error);
  const { code, output } = /** @type {Error & { code?: string, output?: string }} */ (error);
  return [code, error.message, output, error.cause === undefined ? '' : textOf(error.cause)].join('\n');
}
