/**
 * npm with the user's settings for the network only. Any other setting, such as `omit=dev` or `ignore-scripts=false`, decides
 * what npm does in a project of the user's, and here would change what is installed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheRoot } from './cache.mjs';
import { homeFolder } from './home.mjs';
import { run } from './processes.mjs';

/** Settings that say how the registry is reached, and where npm keeps what it downloaded. */
const NETWORK =
  /^(registry|@[^:]+:registry|\/\/.+|_auth|_authtoken|_password|username|email|always-auth|proxy|https?-proxy|no-?proxy|ca|cafile|cert|certfile|key|keyfile|strict-ssl|cache|fetch-(retries|retry-.+|timeout)|maxsockets|local-address|replace-registry-host)$/;

/** @returns {[string, ...string[]]} the npm that runs this program, else the one of this Node, else the one on the PATH */
export function npmCommand() {
  const running = process.env.npm_execpath;
  if (running !== undefined && basename(running) === 'npm-cli.js') return [process.execPath, running];
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  return existsSync(beside) ? [process.execPath, beside] : ['npm'];
}

/**
 * The whole environment of npm. Settings of the user's files stand in it, and npm is kept from reading the files.
 *
 * @param {NodeJS.ProcessEnv} [from]
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function npmEnvironment(from = process.env) {
  const rest = Object.entries(from).filter(([name]) => !/^npm_/i.test(name) && name !== 'NODE_ENV');
  const environment = { ...Object.fromEntries(rest), HOME: homeFolder(from) };
  const variables = settingsOf(from);
  const userFile = variables.userconfig ?? join(environment.HOME, '.npmrc');
  const globalFile = variables.globalconfig ?? (await findGlobalFile(environment, variables.prefix));
  const settings = { ...readSettings(globalFile), ...readSettings(userFile), ...variables };
  const network = Object.entries(settings).filter(([name]) => NETWORK.test(name.toLowerCase()));
  // Files that do not exist; two, since npm refuses to read one twice.
  const none = join(cacheRoot(from), 'no-npmrc');
  return {
    ...environment,
    ...Object.fromEntries(network.map(([name, value]) => [`npm_config_${name}`, value])),
    npm_config_userconfig: `${none}-of-user`,
    npm_config_globalconfig: `${none}-of-machine`,
  };
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Record<string, string>} the settings in variables, under the names that files have
 */
function settingsOf(environment) {
  /** @type {Record<string, string>} */
  const settings = {};
  for (const [variable, value] of Object.entries(environment)) {
    const name = /^npm_config_(.+)/i.exec(variable)?.[1];
    if (name === undefined || !value) continue;
    settings[name.startsWith('//') ? name : name.toLowerCase().replaceAll(/(?!^)_/g, '-')] = value;
  }
  return settings;
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @param {string | undefined} prefix where npm installs programs, if the user set it
 * @returns {Promise<string | undefined>} the machine's file of settings, whose place depends on how npm was installed
 */
async function findGlobalFile(environment, prefix) {
  const [program, ...args] = npmCommand();
  const env = { ...environment, ...(prefix && { npm_config_prefix: prefix }) };
  // As text, whatever the user's file says.
  const get = ['config', 'get', 'globalconfig', '--no-json', '--no-usage', '--loglevel=silent'];
  const answer = await run(program, [...args, ...get], { env, cwd: dirname(process.execPath) }).catch(() => '');
  return answer.trim() || undefined;
}

/**
 * @param {string | undefined} file in the format of `.npmrc`
 * @returns {Record<string, string>} a repeated setting (`ca[] = …`) as variables write it, with empty lines between
 */
function readSettings(file) {
  /** @type {Record<string, string>} */
  const settings = {};
  if (file === undefined || !existsSync(file)) return settings;
  for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
    const [, name, list, value] = /^\s*([^;#=\s[][^=[]*?)\s*(\[\])?\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const text = unquoted(value);
    settings[name] = list && settings[name] ? `${settings[name]}\n\n${text}` : text;
  }
  return settings;
}

/** @param {string} value as it stands in the file: in quotes, or up to a comment */
function unquoted(value) {
  if (/^".*"$/.test(value)) {
    try {
      return String(JSON.parse(value));
    } catch {
      return value.slice(1, -1);
    }
  }
  if (/^'.*'$/.test(value)) return value.slice(1, -1);
  return value
    .replace(/(?<!\\)[;#].*$/, '')
    .replaceAll(/\\([;#\\])/g, '$1')
    .trim();
}
