import { NotFound, UserError } from './user-error.ts';

/** A failed call of the operating system, with what it was about. */
type Failed = NodeJS.ErrnoException & {
  readonly dest?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly host?: string;
};

/** What is wrong with a path, and what to do: the subject is the path. */
const pathProblems: Readonly<Record<string, string>> = {
  EISDIR: 'is a folder. Give a file.',
  EACCES: 'may not be opened by this user. Change its permissions, or give another path.',
  EPERM: 'may not be changed by this user. Change its permissions, or give another path.',
  EROFS: 'is on a file system that is read-only. Give another path.',
  ENOSPC: 'could not be written: the disk is full. Make room, or give another path.',
  EDQUOT: 'could not be written: the quota is used up. Make room, or give another path.',
  EFBIG: 'would be larger than a file may be. Give another path.',
  EIO: 'could not be read or written: the device fails. Try again, or give another path.',
  ENXIO: 'is a device or socket that nothing answers at. Give a file.',
  ENODEV: 'is a device that is not there. Give a file.',
  ESTALE: 'was on a file server that has lost it. Mount it again.',
  EBUSY: 'is in use by the system. Try again, or give another path.',
  ETXTBSY: 'is a program that is running. Give another path.',
  ENOTEMPTY: 'is a folder that is not empty. Empty it, or give another path.',
  EEXIST: 'already exists. Give another path.',
  EINVAL: 'cannot be opened: its name or its kind is not valid here. Give another path.',
  EMFILE: 'could not be opened: this process has too many open files. Raise the limit with "ulimit -n".',
  ENFILE: 'could not be opened: this machine has too many open files. Close other programs.',
  ENOMEM: 'could not be opened: memory is short. Close other programs.',
  ETIMEDOUT: 'is on a file server that does not answer. Try again.',
  ERR_FS_FILE_TOO_LARGE: 'is larger than 2 GiB, too large to be read at once. Give a smaller file.',
};

/** Paths that lead to nothing. */
const missing: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of it, before a slash, is a file',
  ELOOP: 'does not exist: its links lead in a circle',
  ENAMETOOLONG: 'cannot exist: the name is too long for the file system',
};

/** What is wrong with an address, and what to do: the subject is the address. */
const addressProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use. Choose another port, or 0 for any free one.',
  EADDRNOTAVAIL: 'is not an address of this machine. Give one that is, such as 127.0.0.1.',
  EACCES: 'may not be used by this user. Choose a port above 1023.',
  EAFNOSUPPORT: 'is of a kind of address that this machine has no network for.',
  EINVAL: 'is not an address that can be used here.',
  ENOTFOUND: 'is not the name of a host. Check its spelling.',
  EAI_AGAIN: 'could not be looked up: the name server does not answer. Check the network.',
  ECONNREFUSED: 'refuses the connection: nothing listens there. Is it running?',
  ECONNRESET: 'broke the connection. Try again.',
  EPIPE: 'closed the connection. Try again.',
  ETIMEDOUT: 'does not answer. Check the network.',
  EHOSTUNREACH: 'cannot be reached from here. Check the network.',
  ENETUNREACH: 'cannot be reached: there is no network that leads there.',
};

/**
 * The same failure as an error for the user, if the system refused a path, an address or a program: whether it exists and
 * may be used is for the user to change. The only place that knows what the system's names of errors mean.
 *
 * @param subject the path as it was given, for failures that do not name it, such as that of reading a folder on some Nodes
 * @returns `undefined` for any other error
 */
export function systemError(error: unknown, subject?: string): UserError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = '', syscall = '', path, dest, hostname, host, address = hostname ?? host, port } = error as Failed;
  const options = { cause: error };
  if (syscall.startsWith('spawn ') && code === 'ENOENT') {
    return new UserError(`The program ${path} is needed, and is not in the PATH. Install it.`, options);
  }
  if (address !== undefined && addressProblems[code] !== undefined) {
    const where = port === undefined ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
    return new UserError(`${where} ${addressProblems[code]} (${code})`, options);
  }
  const name = subject ?? dest ?? path ?? (unnamed.includes(syscall) ? 'A file' : undefined);
  if (name === undefined) return undefined;
  if (code === 'ENOENT' && syscall === 'mkdir') {
    return new UserError(
      `${shown(name)} cannot be made: nothing new can be in its folder. Give another path.`,
      options,
    );
  }
  if (missing[code] !== undefined) return new NotFound(`${shown(name)} ${missing[code]}.`, options);
  if (pathProblems[code] !== undefined) return new UserError(`${shown(name)} ${pathProblems[code]} (${code})`, options);
  return undefined;
}

/** Calls that get an open file: their failures do not say which. */
const unnamed: readonly string[] = ['read', 'write', 'fsync', 'ftruncate'];

const LONGEST_NAME = 120;

/** A path as a message shows it: the end of a long one. */
function shown(path: string): string {
  return path.length <= LONGEST_NAME ? path : `…${path.slice(-LONGEST_NAME)} (${path.length} characters)`;
}
