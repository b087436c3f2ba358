import os from 'node:os';
import { variable } from '#environment/variables.ts';
import { exceptThisMachine } from '#setup/proxy.mjs';

/** Variables that a program needs to run and to reach the network as the user does; none of them configures a cloud. */
const allowed = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'TZ', 'LANG', 'LANGUAGE', 'CI'],
  ...['TERM', 'COLORTERM', 'NO_COLOR', 'FORCE_COLOR', 'COLUMNS'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ...['OMP_NUM_THREADS', 'CUDA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH'],
]);
const allowedPrefixes = ['LC_', 'XDG_', 'NODE_', 'NPM_CONFIG_', 'TF_'];

/** @returns the variables that a child process may inherit, whichever cloud it uses */
export function neutralEnvironment(from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(from).filter(([name]) => {
      const upper = name.toUpperCase();
      return allowed.has(upper) || allowedPrefixes.some((prefix) => upper.startsWith(prefix));
    }),
  );
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
