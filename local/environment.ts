import os from 'node:os';
import { variable } from '#environment/variables.ts';
import { exceptThisMachine } from '#setup/proxy.mjs';

/** Variables by which programs find files and the network on this machine; none of them configures a cloud. */
const ofMachine = {
  names: [
    ...['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LD_LIBRARY_PATH'],
    ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ],
  prefixes: ['LC_', 'XDG_', 'NODE_', 'NPM_CONFIG_'],
};
/** What a user sets for programs that run in the terminal, besides. */
const ofUser = {
  names: [
    ...['USER', 'LOGNAME', 'SHELL', 'LANGUAGE', 'CI', 'OMP_NUM_THREADS', 'CUDA_VISIBLE_DEVICES'],
    ...['TERM', 'COLORTERM', 'NO_COLOR', 'FORCE_COLOR', 'COLUMNS'],
  ],
  prefixes: ['TF_'],
};

function pick(from: NodeJS.ProcessEnv, ...lists: readonly (typeof ofMachine)[]): NodeJS.ProcessEnv {
  const names = new Set(lists.flatMap((list) => list.names));
  const prefixes = lists.flatMap((list) => list.prefixes);
  return Object.fromEntries(
    Object.entries(from).filter(([name]) => {
      const upper = name.toUpperCase();
      return names.has(upper) || prefixes.some((prefix) => upper.startsWith(prefix));
    }),
  );
}

/** @returns the variables that a child process may inherit, whichever cloud it uses */
export function neutralEnvironment(from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return pick(from, ofMachine, ofUser);
}

/** @returns what stands for a container image's own variables where its program runs as a process of this machine */
export function jobEnvironment(from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return pick(from, ofMachine);
}

/**
 * The whole environment of a child process that uses LocalStack. It contains none of the user's AWS settings: an SDK
 * prefers a profile to keys, and the endpoint of one service to the endpoint of all.
 *
 * @param endpoint such as `http://127.0.0.1:4566`: an address, since buckets become subdomains of a host name
 */
export function localEnvironment(endpoint: string, from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return {
    ...neutralEnvironment(from),
    ...exceptThisMachine(from),
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    // A profile called "default" is used without being named.
    AWS_CONFIG_FILE: os.devNull,
    AWS_SHARED_CREDENTIALS_FILE: os.devNull,
  };
}

/** The user's own environment, as it was before `enterLocalEnvironment`. */
export const userEnvironment: Readonly<NodeJS.ProcessEnv> = { ...process.env };

/**
 * Replaces the AWS settings of this process with those of LocalStack: an SDK reads many variables, and files that they name,
 * whatever its client is configured with. An endpoint for FIPS, for example, is an error together with an endpoint of ours.
 *
 * @param endpoint such as `http://127.0.0.1:4566`
 */
export function enterLocalEnvironment(endpoint: string): void {
  const entered = localEnvironment(endpoint);
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_') && name !== variable.nodeSupportWarning) delete process.env[name];
  }
  for (const [name, value] of Object.entries(entered)) {
    if (/^AWS_|^no_proxy$/i.test(name)) process.env[name] = value;
  }
}
