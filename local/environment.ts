import os from 'node:os';

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
    ...withoutProxyToThisMachine(from),
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

/** Excludes this machine from the proxy, if there is one. */
function withoutProxyToThisMachine(from: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = Object.keys(from).filter((name) => /^(HTTPS?|ALL)_PROXY$/i.test(name));
  if (names.length === 0) return {};
  const exceptions = [from.no_proxy ?? from.NO_PROXY, '127.0.0.1', 'localhost'].filter(Boolean).join(',');
  return { NO_PROXY: exceptions, no_proxy: exceptions };
}
